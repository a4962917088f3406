import { addressOf, columnsOf, labelOf, timeOfDay, type Flow, type FlowMessage } from './sip-flow.ts'

/** Between two lifelines. */
const SPACING = 28
/** Where the first lifeline stands: room for the time of day, the offset, and half a column's heading. */
const FIRST = 42

/** A call's SIP as a ladder of text: a column for each side, an arrow for each message. Ends with a line feed. */
export function ladderText(title: string, flow: Flow): string {
  const columns = columnsOf(flow)
  const at = columns.map((_column, index) => FIRST + index * SPACING)
  const width = at.at(-1)! + SPACING / 2
  const names = columns.map((leg) => leg?.name ?? 'exchange')
  const addresses = columns.map((leg) => (leg ? addressOf(leg) : ''))
  const lines = [title, spread(width, at, names), spread(width, at, addresses)]
  const own = columns.indexOf(null)
  const [first] = flow.messages
  for (const message of flow.messages) {
    const offset = `+${(message.atMs - first!.atMs).toFixed(3)} ms`
    const row = blank(width)
    write(row, 0, `${timeOfDay(message.atMs)} ${offset.padStart(13)}`)
    for (const place of at) row[place] = '│'
    arrow(row, at[columns.indexOf(message.leg)]!, at[own]!, message)
    lines.push(row.join('').trimEnd())
  }
  if (flow.leftOut > 0) lines.push(`${flow.leftOut} further messages were not kept.`)
  if (!flow.isComplete) lines.push('The beginning of at least one leg is no longer kept.')
  return `${lines.join('\n')}\n`
}

function blank(width: number): string[] {
  return Array.from({ length: width }, () => ' ')
}

function write(row: string[], at: number, text: string): void {
  charactersOf(text).forEach((character, index) => {
    const place = at + index
    if (place >= 0 && place < row.length) row[place] = character
  })
}

function charactersOf(text: string): string[] {
  return Array.from(text)
}

/** Texts centred on their lifelines. */
function spread(width: number, at: readonly number[], texts: readonly string[]): string {
  const row = blank(width + SPACING)
  texts.forEach((text, index) => write(row, Math.max(0, at[index]! - Math.floor(text.length / 2)), text))
  return row.join('').trimEnd()
}

function arrow(row: string[], side: number, exchange: number, message: FlowMessage): void {
  const [left, right] = side < exchange ? [side, exchange] : [exchange, side]
  for (let place = left + 1; place < right; place++) row[place] = '─'
  const pointsRight = (message.direction === 'in') === side < exchange
  row[pointsRight ? right - 1 : left + 1] = pointsRight ? '▶' : '◀'
  const label = charactersOf(` ${labelOf(message)} `).slice(0, right - left - 5)
  write(row, left + 1 + Math.floor((right - left - 1 - label.length) / 2), label.join(''))
}
