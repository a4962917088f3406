import { addressOf, columnsOf, labelOf, timeOfDay, type Flow, type FlowMessage } from './sip-flow.ts'

const SPACING = 230
const FIRST = 330
const TOP = 96
const ROW = 30

/** Colours of both schemes: a picture is read in the light of whoever opens it. Contrast is at least 4.5 to 1. */
const STYLE = `
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2433; --quiet: #5a6478; --line: #b9c1d0; --request: #1750b5; --good: #14713a; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --paper: #12161f; --ink: #e8ecf4; --quiet: #9aa6bd; --line: #48536a; --request: #8ab4f8; --good: #6dd58c; --bad: #f2897f } }
svg { background: var(--paper) }
text { fill: var(--ink); font: 13px ui-sans-serif, system-ui, sans-serif }
.title { font-size: 16px; font-weight: 600 }
.name { font-weight: 600 }
.quiet, .time { fill: var(--quiet); font: 12px ui-monospace, monospace }
.life { stroke: var(--line); stroke-width: 1.5 }
.arrow { stroke-width: 1.5 }
.again .arrow { stroke-dasharray: 5 4 }
.request .arrow { stroke: var(--request) } .request path { fill: var(--request) } .request .label { fill: var(--request) }
.progress .arrow { stroke: var(--quiet) } .progress path { fill: var(--quiet) }
.good .arrow { stroke: var(--good) } .good path { fill: var(--good) } .good .label { fill: var(--good) }
.bad .arrow { stroke: var(--bad) } .bad path { fill: var(--bad) } .bad .label { fill: var(--bad) }
`

/** A call's SIP as a ladder in SVG, complete in itself: readable in the light and in the dark, and by a screen reader. */
export function ladderSvg(title: string, flow: Flow): string {
  const columns = columnsOf(flow)
  const x = columns.map((_column, index) => FIRST + index * SPACING)
  const notes = notesOf(flow)
  const bottom = TOP + flow.messages.length * ROW + 12
  const width = x.at(-1)! + SPACING / 2
  const height = bottom + 16 + notes.length * 20
  const own = columns.indexOf(null)
  const [first] = flow.messages
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${escape(title)}</title>`,
    `<desc id="description">${escape(flow.messages.map(sentence).join(' '))}</desc>`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="16" y="28">${escape(title)}</text>`,
    ...columns.flatMap((leg, index) => [
      `<text class="name" x="${x[index]}" y="60" text-anchor="middle">${escape(leg?.name ?? 'exchange')}</text>`,
      leg ? `<text class="quiet" x="${x[index]}" y="78" text-anchor="middle">${escape(addressOf(leg))}</text>` : '',
      `<line class="life" x1="${x[index]}" y1="${TOP - 8}" x2="${x[index]}" y2="${bottom}"/>`,
    ]),
    ...flow.messages.map((message, index) =>
      row(message, first!.atMs, TOP + index * ROW + 20, x[columns.indexOf(message.leg)]!, x[own]!),
    ),
    ...notes.map((note, index) => `<text class="quiet" x="16" y="${bottom + 20 + index * 20}">${note}</text>`),
    '</svg>',
  ]
  return `${parts.filter((part) => part !== '').join('\n')}\n`
}

function notesOf(flow: Flow): string[] {
  return [
    ...(flow.leftOut > 0 ? [`${flow.leftOut} further messages were not kept.`] : []),
    ...(flow.isComplete ? [] : ['The beginning of at least one leg is no longer kept.']),
  ]
}

function row(message: FlowMessage, firstMs: number, y: number, side: number, exchange: number): string {
  const fromX = message.direction === 'in' ? side : exchange
  const toX = message.direction === 'in' ? exchange : side
  const towards = toX > fromX ? 1 : -1
  const middle = (fromX + toX) / 2
  const offset = `+${(message.atMs - firstMs).toFixed(3)} ms`
  return [
    `<g class="${classOf(message)}${message.isRetransmission ? ' again' : ''}"><title>${escape(sentence(message))}</title>`,
    `<text class="time" x="16" y="${y + 4}">${timeOfDay(message.atMs)}</text>`,
    `<text class="time" x="228" y="${y + 4}" text-anchor="end">${offset}</text>`,
    `<line class="arrow" x1="${fromX}" y1="${y}" x2="${toX - towards * 8}" y2="${y}"/>`,
    `<path d="M${toX} ${y}l${-towards * 9} -4.5v9z"/>`,
    `<text class="label" x="${middle}" y="${y - 5}" text-anchor="middle">${escape(shorten(labelOf(message)))}</text></g>`,
  ].join('')
}

function shorten(label: string): string {
  return label.length > 34 ? `${label.slice(0, 33)}…` : label
}

function classOf({ summary }: FlowMessage): string {
  if (!/^\d/.test(summary)) return 'request'
  return summary < '2' ? 'progress' : summary < '4' ? 'good' : 'bad'
}

function sentence(message: FlowMessage): string {
  const { leg, direction } = message
  const way = direction === 'in' ? `from ${leg.name}` : `to ${leg.name}`
  return `${timeOfDay(message.atMs)} ${labelOf(message)} ${way}.`
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** For text and attributes of XML 1.0, which has no place for control characters. */
function escape(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what must go
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '\ufffd').replace(/[&<>"]/g, (character) => ENTITIES[character]!)
}
