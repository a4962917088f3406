// Who has how much: read again shortly after money moved.

import { get } from './session.js'
import { el, money } from './words.js'

const PAUSE_MS = 1_000
const KINDS = { operator: 'the house', external: 'the world outside' }
let timer = null
let names = new Map()

export const nameOf = (id) => names.get(id) ?? ''

const cell = (account, amount) =>
  el('td', { className: `number${Number(amount) < 0 ? ' negative' : ''}` }, money(amount, account.currency))

export async function load() {
  const { data } = await get('/accounts?limit=200')
  names = new Map(data.map((account) => [account.id, account.name]))
  const rows = data
    .toSorted((a, b) => a.type.localeCompare(b.type) || a.name.localeCompare(b.name))
    .map((account) =>
      el(
        'tr',
        {},
        el('td', {}, account.name, el('div', { className: 'quiet' }, KINDS[account.type] ?? account.type)),
        cell(account, account.balance),
        account.type === 'buyer' ? cell(account, account.available) : el('td', {}),
      ),
    )
  document.querySelector('#balance-rows').replaceChildren(...rows)
  document.querySelector('#balances').hidden = rows.length === 0
}

/** Money has moved: load once, soon, however often this is said. */
export function loadSoon() {
  timer ??= setTimeout(() => {
    timer = null
    load().catch(() => undefined)
  }, PAUSE_MS)
}
