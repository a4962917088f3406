import { readForeignUri } from '../headers/allowed-hosts.ts'
import { readReplaces, type Replaces } from './replaces.ts'
import { listOf, uriOf } from '../headers/sip-fields.ts'
import { parseUri, serializeUri, type Uri } from '../sip-server/uri.ts'
import type { SipRequest } from '../srf/srf-types.ts'

/** What a REFER asks for (RFC 3515). */
export interface Referral {
  /** Whom to call: without headers, a sip:, sips: or tel: URI. */
  readonly uri: Uri
  /** The dialog of the consultation call that ours is to replace at the other end (RFC 3891). */
  readonly replaces: Replaces | null
  /** Who refers, as it says itself (RFC 3892); null when it does not. */
  readonly referredBy: string | null
  /** It wants to hear how it goes (RFC 4488). */
  readonly wantsNotify: boolean
  /** CSeq of the REFER, which names its subscription. */
  readonly id: string
}

/** Reads a REFER; a number is the status to refuse it with. */
export function readReferral(req: SipRequest): Referral | number {
  const referTo = listOf(req.get('Refer-To'))
  if (referTo.length !== 1) return 400 // RFC 3515 §2.4.2
  const parsed = parseUri(uriOf(referTo[0]!))
  if (!parsed) return 400
  const method = parsed.params.get('method')
  if (method !== undefined && method.toUpperCase() !== 'INVITE') return 603
  let replaces: Replaces | null = null
  for (const [name, value] of parsed.headers) {
    if (name.toLowerCase() !== 'replaces' || replaces !== null) return 603
    replaces = readReplaces(value)
    if (replaces === null) return 603
  }
  const uri: Uri = { ...parsed, headers: [], params: new Map(parsed.params) }
  uri.params.delete('method')
  const by = readForeignUri(uriOf(req.get('Referred-By') ?? ''))
  return {
    uri,
    replaces,
    referredBy: by && `<${serializeUri(by)}>`,
    wantsNotify: req.get('Refer-Sub')?.trim().toLowerCase() !== 'false',
    id: /^\s*(\d+)/.exec(req.get('CSeq') ?? '')?.[1] ?? '1',
  }
}
