// How things are said and written on the page.

const BADGES = {
  received: ['busy', 'Received'],
  screening: ['busy', 'Screening'],
  auction: ['busy', 'Auction'],
  ringing: ['busy', 'Ringing'],
  up: ['good', 'In progress'],
  answered: ['good', 'Answered'],
  refused: ['bad', 'Refused'],
  no_sale: ['warn', 'No sale'],
  busy: ['warn', 'Busy'],
  no_answer: ['warn', 'No answer'],
  failed: ['bad', 'Failed'],
  cancelled: ['warn', 'Cancelled'],
  interrupted: ['bad', 'Interrupted'],
}

/** Colour and word of a call's state or outcome. */
export function badge(call) {
  const key = call.state === 'ended' ? (call.outcome ?? 'failed') : call.state === 'answered' ? 'up' : call.state
  return BADGES[key] ?? ['busy', key ?? 'Received']
}

/** `+1 212 ••• 0123`: who watches the board need not know who called. */
export function masked(number) {
  if (!number) return 'withheld'
  const match = /^\+1(\d{3})\d{3}(\d{4})$/.exec(number)
  return match ? `+1 ${match[1]} ••• ${match[2]}` : `${number.slice(0, -6)}•••${number.slice(-3)}`
}

export function phone(number) {
  const match = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number ?? '')
  return match ? `+1 ${match[1]} ${match[2]} ${match[3]}` : (number ?? '')
}

const clock = new Intl.DateTimeFormat([], { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false })
export const time = (text) => clock.format(new Date(text))

export function money(amount, currency = 'USD') {
  if (amount === null || amount === undefined) return ''
  try {
    return new Intl.NumberFormat('en-US', { style: 'currency', currency, currencyDisplay: 'narrowSymbol' }).format(
      amount,
    )
  } catch {
    return `${amount} ${currency}`
  }
}

export function duration(ms) {
  if (!ms) return ''
  const seconds = Math.floor(ms / 1000)
  if (seconds < 10) return `${(ms / 1000).toFixed(1)} s`
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** `campaign_paused` → `campaign paused` */
export const plain = (code) => (code ?? '').replaceAll('_', ' ')

/** `3 below reserve, 1 outbid`: the reasons of those who did not win, counted. */
export function countReasons(nonBids) {
  const counts = new Map()
  for (const { code } of nonBids ?? []) counts.set(code, (counts.get(code) ?? 0) + 1)
  return [...counts].map(([code, count]) => `${count} ${plain(code)}`).join(', ')
}

/** An element with text and children; text is never read as HTML. */
export function el(name, properties = {}, ...children) {
  const element = Object.assign(document.createElement(name), properties)
  element.append(...children.filter((child) => child !== null && child !== ''))
  return element
}
