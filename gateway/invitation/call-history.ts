import { numberOfUri } from '../../model/phone-number.ts'
import { listOf, paramOf, uriOf } from '../headers/sip-fields.ts'

/** More entries than this of one header are not passed on. */
const MAX_ENTRIES = 10

/** Whether a buyer hears how the call came to it: not at all; what the caller's side said; and that it dialled this number. */
export type HistoryPolicy = 'off' | 'pass' | 'add'

/** Where the call was before: what the caller's side said, and what it dialled here. */
export interface CallPast {
  readonly diversion: string | undefined
  readonly historyInfo: string | undefined
  /** A number of the seller's. */
  readonly dnis: string
  readonly targetUri: string
  /** The caller asks for its history to be kept (RFC 7044 §7.1), or for its number to be withheld. */
  readonly isPrivate: boolean
}

/**
 * Diversion (RFC 5806) and History-Info (RFC 7044) for the INVITE to a buyer. Only numbers are told, never the hosts they were at,
 * nor which other buyers were rung before: that is their affair. An entry that asks for privacy stays behind.
 */
export function historyHeaders(policy: HistoryPolicy, past: CallPast): Record<string, string> {
  if (policy === 'off' || past.isPrivate) return {}
  const diversion = listOf(past.diversion).slice(0, MAX_ENTRIES).map(diversionOf).filter(isSaid)
  const history = listOf(past.historyInfo).slice(0, MAX_ENTRIES).map(historyOf).filter(isSaid)
  if (policy === 'add') {
    const last = paramOf(history.at(-1) ?? '', 'index')
    const dialled = last === '' ? '1' : `${last}.1`
    history.push(`<tel:${past.dnis}>;index=${dialled}`)
    history.push(`<${past.targetUri}>;index=${dialled}.1;mp=${dialled}`)
  }
  return {
    ...(diversion.length > 0 && { Diversion: diversion.join(', ') }),
    ...(history.length > 0 && { 'History-Info': history.join(', ') }),
  }
}

function diversionOf(entry: string): string | null {
  const number = numberOfUri(uriOf(entry))
  const privacy = paramOf(entry, 'privacy').toLowerCase()
  if (!number || (privacy !== '' && privacy !== 'off')) return null
  return `<tel:${number}>${kept(entry, 'reason', /^"?[\w-]+"?$/)}${kept(entry, 'counter', /^\d{1,4}$/)}`
}

function historyOf(entry: string): string | null {
  const uri = uriOf(entry)
  const number = numberOfUri(uri.split('?')[0]!)
  if (!number || /[?&]privacy=/i.test(uri)) return null
  const index = /^\d{1,4}(\.\d{1,4}){0,15}$/
  return `<tel:${number}>${kept(entry, 'index', index)}${kept(entry, 'mp', index)}${kept(entry, 'rc', index)}`
}

function kept(entry: string, name: string, form: RegExp): string {
  const value = paramOf(entry, name)
  return form.test(value) ? `;${name}=${value}` : ''
}

function isSaid(entry: string | null): entry is string {
  return entry !== null
}
