// The table of calls: what is known of each is gathered from the list and from events, and drawn a few times a second.

import { get } from './session.js'
import { recordingPart } from './recording.js'
import { sipPart } from './sip.js'
import { badge, countReasons, duration, el, masked, money, phone, plain, time } from './words.js'

const MAX_ROWS = 150
const DRAW_EVERY_MS = 250

const calls = new Map() // By id; the oldest leave first.
const rows = new Map()
const changed = new Set()
let open = null
let paused = false
let timer = null
let nameOf = () => ''

const body = document.querySelector('#call-rows')

export const setNames = (names) => (nameOf = names)

/** A call as the API lists it, or as much of it as an event tells. */
export function learn(id, facts) {
  const known = calls.get(id) ?? { id, received_at: new Date().toISOString(), state: 'received' }
  // Events may overtake the list: what has ended stays ended.
  const { state, ...rest } = facts
  const told = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null && value !== undefined))
  calls.set(id, { ...known, ...told, state: known.state === 'ended' ? 'ended' : (state ?? known.state) })
  changed.add(id)
  timer ??= setTimeout(draw, DRAW_EVERY_MS)
}

export function pause(on) {
  paused = on
  if (!on) draw()
}

export function clear() {
  calls.clear()
  rows.clear()
  changed.clear()
  open = null
  body.replaceChildren()
}

function draw() {
  timer = null
  if (paused) return
  const newest = [...calls.values()].toSorted((a, b) => (a.received_at < b.received_at ? 1 : -1))
  for (const call of newest.splice(MAX_ROWS)) {
    calls.delete(call.id)
    changed.delete(call.id)
    remove(call.id)
  }
  for (const id of changed) drawRow(calls.get(id))
  changed.clear()
  let at = body.firstElementChild
  for (const { id } of newest) {
    const row = rows.get(id)
    if (row !== at) body.insertBefore(row, at)
    at = row.nextElementSibling
    if (at?.classList.contains('detail')) at = at.nextElementSibling
  }
  drawFigures(newest)
}

function remove(id) {
  if (open === id) close()
  rows.get(id)?.remove()
  rows.delete(id)
}

function cell(label, className, ...children) {
  const td = el('td', { className }, ...children)
  if (label) td.dataset.label = label
  return td
}

function newRow() {
  const row = el('tr', { className: 'call fresh' })
  row.addEventListener('animationend', () => row.classList.remove('fresh'))
  return row
}

function drawRow(call) {
  const row = rows.get(call.id) ?? newRow()
  const [colour, word] = badge(call)
  const opener = el('button', {
    type: 'button',
    className: 'open',
    textContent: decision(call),
    onclick: () => toggle(call.id),
  })
  opener.setAttribute('aria-expanded', String(open === call.id))
  row.replaceChildren(
    cell('', 'time', time(call.received_at)),
    cell('from', 'phone', masked(call.from)),
    cell(
      'to',
      'phone',
      el('span', {}, phone(call.to)),
      call.vertical ? el('div', { className: 'quiet' }, plain(call.vertical)) : '',
    ),
    cell('', '', el('span', { className: `badge ${colour}` }, word)),
    cell('', '', opener),
    cell('price', 'number', price(call)),
    cell('lasted', 'number', duration(call.duration_ms)),
  )
  rows.set(call.id, row)
}

/** What was decided, in a line. */
function decision(call) {
  const winner = nameOf(call.buyer_id)
  if (call.outcome === 'refused') return call.refused_by ?? plain(call.end_reason) ?? 'refused'
  if (call.outcome === 'no_sale') return call.reasons ? `nobody: ${call.reasons}` : 'nobody bought it'
  if (call.state === 'ended' && !['answered', 'interrupted'].includes(call.outcome)) {
    return `${plain(call.end_reason) || 'ended'}${winner ? `; ${winner} was rung` : ''}`
  }
  if (winner) {
    const unbilled = call.state === 'ended' && call.billable_ms === 0 ? ', too short to bill' : ''
    return `${winner} won${unbilled}${call.reasons ? `; ${call.reasons}` : ''}`
  }
  if (call.state === 'ended') return plain(call.end_reason) || 'ended'
  return call.auction_id || call.reasons ? 'auctioned' : '…'
}

const price = (call) =>
  Number(call.price ?? call.payout ?? 0) > 0 ? money(call.price ?? call.payout, call.currency) : ''

function set(selector, text) {
  document.querySelector(selector).textContent = text
}

function drawFigures(list) {
  const count = (test) => String(list.filter(test).length)
  set(
    '#figure-live',
    count((call) => call.state !== 'ended'),
  )
  set(
    '#figure-answered',
    count((call) => call.outcome === 'answered' || call.state === 'answered'),
  )
  set(
    '#figure-refused',
    count((call) => call.outcome === 'refused'),
  )
  set(
    '#figure-unsold',
    count((call) => call.state === 'ended' && !['answered', 'refused'].includes(call.outcome)),
  )
  const cents = list.reduce((sum, call) => sum + Math.round(Number(call.price ?? call.payout ?? 0) * 100), 0)
  set('#figure-money', cents > 0 ? money(cents / 100, list[0]?.currency) : '–')
  document.querySelector('#no-calls').hidden = list.length > 0
}

function close() {
  body.querySelector('.detail')?.remove()
  const row = rows.get(open)
  open = null
  row?.querySelector('.open')?.setAttribute('aria-expanded', 'false')
}

async function toggle(id) {
  const wasOpen = open === id
  close()
  if (wasOpen) return
  open = id
  rows.get(id).querySelector('.open').setAttribute('aria-expanded', 'true')
  const place = el('td', { colSpan: 7 }, 'Loading…')
  rows.get(id).after(el('tr', { className: 'detail' }, place))
  const [call, auction] = await Promise.all([get(`/calls/${id}`), get(`/calls/${id}/auction`).catch(() => null)]).catch(
    () => [],
  )
  if (open !== id) return
  place.replaceChildren(...(call ? detail(call, auction) : ['The call cannot be read at the moment.']))
}

/** `9 × the vertical …`: each text once, with how often it was said. */
function countEach(texts) {
  const counts = new Map()
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
  return [...counts].map(([text, count]) => (count > 1 ? `${count} × ${text}` : text))
}

function detail(call, auction) {
  const parts = []
  const list = (title, name, lines) =>
    lines.length && parts.push(el('h3', {}, title), el(name, {}, ...lines.map((line) => el('li', {}, line))))
  if (auction) {
    list(
      'Ranking',
      'ol',
      auction.ranking.map(
        (bid) =>
          `${nameOf(bid.buyer_id) || 'a buyer'} bid ${money(bid.amount, auction.currency)}${bid.won ? `, clears at ${money(bid.price, auction.currency)}` : `: ${bid.reason}`}`,
      ),
    )
    const ranked = new Set(auction.ranking.map((bid) => bid.bid_id))
    list(
      'Did not take part',
      'ul',
      countEach(auction.non_bids.filter((bid) => !ranked.has(bid.bid_id)).map((bid) => bid.reason)),
    )
  }
  list(
    'Checks',
    'ul',
    (call.compliance?.checks ?? []).map(
      (check) =>
        `${plain(check.check)}: ${check.effect}, ${plain(check.rule)} ${check.detail ? `(${check.detail})` : ''}`,
    ),
  )
  list(
    'Step by step',
    'ul',
    call.trace.map((step) => `${step.at_ms.toFixed(1)} ms ${plain(step.step)}${step.detail ? `: ${step.detail}` : ''}`),
  )
  list(
    'Audio',
    'ul',
    call.legs.filter((leg) => leg.media).map((leg) => `${leg.side}: ${audio(leg.media)}`),
  )
  const end = [
    plain(call.outcome),
    plain(call.end_reason),
    call.sip_status ? `SIP ${call.sip_status}` : '',
    call.hung_up_by ? `hung up by ${call.hung_up_by}` : '',
  ]
    .filter(Boolean)
    .join(' · ')
  parts.push(...call.recordings.map((recording) => recordingPart(call.id, recording)))
  parts.push(sipPart(call.id), el('p', { className: 'quiet' }, `${end || 'in progress'} · ${call.id}`))
  return parts
}

/** What came of one side's audio; figures its engine does not tell are left out. */
function audio(media) {
  return [
    media.fault && `${plain(media.fault)} for ${duration(media.fault_ms)}`,
    media.mos_mean !== null && `MOS ${media.mos_mean.toFixed(2)}, worst ${media.mos_min.toFixed(2)}`,
    `${media.packets_received} packets, ${media.packets_lost} lost`,
    media.packets_out_of_order > 0 && `${media.packets_out_of_order} out of order`,
    media.packets_duplicate > 0 && `${media.packets_duplicate} twice`,
    `jitter ${media.jitter_ms.toFixed(1)} ms`,
    media.round_trip_ms !== null && `round trip ${media.round_trip_ms.toFixed(0)} ms`,
    media.reported_lost > 0 && `its phone lost ${media.reported_lost}`,
  ]
    .filter(Boolean)
    .join(' · ')
}

/** What an event says of its call, in the table's words. */
export function learnFromEvent({ type, call_id: id, payload }) {
  if (!id) return
  const facts = { ...payload }
  delete facts.id
  if (type === 'routing.decision' || type === 'auction.completed') {
    learn(id, {
      ...(type === 'routing.decision' ? facts : {}),
      auction_id: payload.auction_id,
      currency: payload.currency,
      reasons: countReasons(payload.non_bids),
      vertical: payload.vertical,
    })
  } else if (type === 'compliance.violated') {
    const blocked = payload.checks?.find((check) => check.effect === 'block')
    learn(id, { refused_by: blocked ? `${plain(blocked.rule)}: ${blocked.detail}` : 'compliance' })
  } else if (type === 'bid.won') learn(id, { price: payload.price, bid_id: payload.bid_id, buyer_id: payload.buyer_id })
  else if (type.startsWith('call.')) learn(id, type === 'call.routed' ? { ...facts, price: undefined } : facts)
}
