// The decisions, told as they are made: one line each, newest first.

import { countReasons, el, masked, money, plain, time } from './words.js'

const MAX_LINES = 60
const list = document.querySelector('#decisions')
let nameOf = () => ''

export const setNames = (names) => (nameOf = names)

export function clear() {
  list.replaceChildren()
  document.querySelector('#no-decisions').hidden = false
}

/** Tells an event, when it is a decision. */
export function tell(event) {
  const line = sentence(event)
  if (!line) return
  const [colour, word, text] = line
  list.prepend(
    el(
      'li',
      {},
      el('time', { dateTime: event.time }, time(event.time)),
      el('span', { className: `badge ${colour}` }, word),
      ` ${text}`,
    ),
  )
  while (list.children.length > MAX_LINES) list.lastElementChild.remove()
  document.querySelector('#no-decisions').hidden = true
}

function sentence({ type, payload }) {
  if (type === 'routing.decision') {
    const others = countReasons(payload.non_bids)
    const from = payload.from === undefined ? '' : `${masked(payload.from)}, `
    const about = `${from}${plain(payload.vertical)}`
    if (!payload.winner) return ['warn', 'No sale', `${about}${others ? `: ${others}` : ': no bids'}`]
    const winner = nameOf(payload.winner.buyer_id) || 'a buyer'
    const price = money(payload.clearing_price, payload.currency)
    const bid = money(payload.winner.amount, payload.currency)
    return ['good', 'Sold', `${about}: ${winner} bid ${bid}, pays ${price}${others ? `; ${others}` : ''}`]
  }
  if (type === 'compliance.violated') {
    const blocked = payload.checks?.find((check) => check.effect === 'block')
    return ['bad', 'Refused', blocked ? `${plain(blocked.rule)}: ${blocked.detail}` : 'by compliance']
  }
  if (type === 'trunk.limited') return ['bad', 'Limited', `a trunk is over its ${plain(payload.limit)}`]
  if (type === 'reachability.changed')
    return [
      payload.state === 'up' ? 'good' : 'bad',
      'Reach',
      `${payload.kind} ${plain(payload.name)} is ${payload.state}`,
    ]
  if (type === 'campaign.exhausted') return ['warn', 'Exhausted', 'a campaign has spent its budget']
  if (type === 'bid.placed')
    return ['busy', 'Bid', `${nameOf(payload.account_id) || 'a buyer'} bids ${money(payload.amount)}`]
  return null
}
