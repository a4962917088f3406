import { readForeignUri } from './allowed-hosts.ts'
import { listOf, uriOf } from './sip-fields.ts'
import { parseUri, serializeUri, type Uri } from './sip-server/uri.ts'
import type { SipRequest } from './srf.ts'

/** What a REFER asks for (RFC 3515). */
export interface Referral {
  /** Whom to call: without headers, a sip:, sips: or tel: URI. */
  readonly uri: Uri
  /** The dialog of the consultation call that ours is to replace at the other end (RFC 3891), ready for the header. */
  readonly replaces: string | null
  /** Who refers, as it says itself (RFC 3892); null when it does not. */
  readonly referredBy: string | null
  /** It wants to hear how it goes (RFC 4488). */
  readonly wantsNotify: boolean
  /** CSeq of the REFER, which names its subscription. */
  readonly id: string
}

/** RFC 3891 §6.1: a Call-ID and two tags. */
const REPLACES = /^[^\s;,"<>]{1,256}(;(to-tag|from-tag)=[\w.!%*+`'~-]{1,128}|;early-only){2,3}$/

/** Reads a REFER; a number is the status to refuse it with. */
export function readReferral(req: SipRequest): Referral | number {
  const referTo = listOf(req.get('Refer-To'))
  if (referTo.length !== 1) return 400 // RFC 3515 §2.4.2
  const parsed = parseUri(uriOf(referTo[0]!))
  if (!parsed) return 400
  const method = parsed.params.get('method')
  if (method !== undefined && method.toUpperCase() !== 'INVITE') return 603
  let replaces: string | null = null
  for (const [name, value] of parsed.headers) {
    if (name.toLowerCase() !== 'replaces' || replaces !== null || !REPLACES.test(value)) return 603
    replaces = value
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
