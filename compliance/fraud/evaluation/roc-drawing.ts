/** One small picture: a curve and the point at which the exchange flags. */
export interface RocPanel {
  readonly title: string
  readonly curve: readonly { readonly x: number; readonly y: number }[]
  readonly at: { readonly x: number; readonly y: number }
}

const COLUMNS = 4
const PANEL = { width: 210, height: 170, left: 34, top: 30, right: 12, bottom: 34 }
/** False positives from 1 in 100,000 to all, on a scale of ratios: what matters happens left of 1 %. */
const DECADES = 5
const TICKS = [
  { share: 1e-4, text: '0.01 %' },
  { share: 1e-2, text: '1 %' },
  { share: 1, text: '100 %' },
]

/** Draws receiver operating characteristics, a panel each, as an SVG. */
export function drawRoc(panels: readonly RocPanel[], caption: string): string {
  const rows = Math.ceil(panels.length / COLUMNS)
  const width = COLUMNS * PANEL.width
  const height = rows * PANEL.height + 30
  const drawn = panels.map((panel, index) => {
    const at = `translate(${(index % COLUMNS) * PANEL.width} ${Math.floor(index / COLUMNS) * PANEL.height})`
    return `<g transform="${at}">${drawPanel(panel)}</g>`
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="9" fill="#333">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...drawn,
    `<text x="${PANEL.left}" y="${height - 10}" font-size="10">${caption}</text>`,
    '</svg>\n',
  ].join('\n')
}

function drawPanel({ title, curve, at }: RocPanel): string {
  const points = curve.map(({ x, y }) => `${across(x)},${up(y)}`)
  const [left, right, top, bottom] = [across(0), across(1), up(1), up(0)]
  const ticks = TICKS.map(
    ({ share, text }) =>
      `<path d="M${across(share)} ${top}V${bottom}" stroke="#e4e4e4"/><text x="${across(share)}" y="${bottom + 11}" text-anchor="middle">${text}</text>`,
  )
  const levels = [0, 0.5, 0.9, 1].map(
    (share) =>
      `<path d="M${left} ${up(share)}H${right}" stroke="#e4e4e4"/><text x="${left - 4}" y="${up(share) + 3}" text-anchor="end">${share}</text>`,
  )
  return [
    `<text x="${left}" y="20" font-size="11" font-weight="600">${title}</text>`,
    ...ticks,
    ...levels,
    `<polyline points="${points.join(' ')}" fill="none" stroke="#1b6ca8" stroke-width="1.5"/>`,
    `<circle cx="${across(at.x)}" cy="${up(at.y)}" r="3" fill="#c2410c"/>`,
  ].join('')
}

function across(share: number): number {
  const decades = Math.max(0, DECADES + Math.log10(Math.max(share, 10 ** -DECADES)))
  return round(PANEL.left + (decades / DECADES) * (PANEL.width - PANEL.left - PANEL.right))
}

function up(share: number): number {
  return round(PANEL.top + (1 - share) * (PANEL.height - PANEL.top - PANEL.bottom))
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
