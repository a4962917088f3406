import type { LoadReport } from './driver.ts'
import { printReport } from './report.ts'

const WIDTH = 720
const HEIGHT = 180

/** The report as one page that needs nothing else: the table, how added PDD is spread, and the calls of each second. */
export function renderPage(report: LoadReport, at: Date): string {
  const rows = printReport(report).map((line) => {
    const [name = '', value = ''] = line.split(/\s{2,}/, 2)
    return `<tr><th scope="row">${escape(name)}</th><td>${escape(value)}</td></tr>`
  })
  const pdd = spread(report)
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Load: ${report.options.cps} calls/s</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 780px; margin: 2rem auto; padding: 0 1rem; color: #1b1f24 }
  th { text-align: left; font-weight: 600; padding-right: 1.5rem } td, th { padding-block: .15rem; vertical-align: top }
  svg { width: 100%; height: auto; background: #f6f8fa } rect { fill: #3a6ea5 } text { font: 11px system-ui, sans-serif }
  @media (prefers-color-scheme: dark) { body { background: #14171a; color: #e6e8ea } svg { background: #1f2429 } text { fill: #e6e8ea } }
</style>
<h1>${report.options.cps} calls a second for ${report.options.seconds} s</h1>
<p>${escape(at.toISOString())}, ${escape(process.arch)}, Node ${escape(process.version)}; SIPp and the exchange on one machine.</p>
<table>${rows.join('')}</table>
<h2>Added PDD, calls by ms</h2>
${bars(pdd.map(({ label, count }) => ({ label, value: count })))}
<h2>Calls offered in each second</h2>
${bars(report.timeline.map(({ second, offered }) => ({ label: String(second), value: offered })))}
</html>
`
}

/** How many calls fell into each bucket, the empty ends left off. */
function spread({ addedPdd }: LoadReport): { label: string; count: number }[] {
  let below = 0
  const parts = addedPdd.buckets.map(({ le, count }) => {
    const part = { label: le === Infinity ? 'more' : String(le * 1000), count: count - below }
    below = count
    return part
  })
  const last = parts.findLastIndex(({ count }) => count > 0)
  return parts.slice(0, last + 1)
}

function bars(data: readonly { label: string; value: number }[]): string {
  if (data.length === 0) return '<p>Nothing was measured.</p>'
  const most = Math.max(1, ...data.map(({ value }) => value))
  const step = WIDTH / data.length
  const every = Math.ceil(data.length / 16)
  const drawn = data.map(({ label, value }, n) => {
    const height = (value / most) * (HEIGHT - 40)
    const x = n * step
    const text =
      n % every === 0
        ? `<text x="${(x + step / 2).toFixed(1)}" y="${HEIGHT - 6}" text-anchor="middle">${escape(label)}</text>`
        : ''
    return `<rect x="${(x + 1).toFixed(1)}" y="${(HEIGHT - 20 - height).toFixed(1)}" width="${Math.max(1, step - 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${escape(label)}: ${value}</title></rect>${text}`
  })
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"><text x="4" y="14">${most}</text>${drawn.join('')}</svg>`
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
