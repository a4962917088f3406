import type { AccountId } from '../../model/ids.ts'
import { numberOfUri } from '../../model/phone-number.ts'
import type { Trunk } from '../../model/trunk.ts'
import { ANONYMOUS, callerIdentity, displayNameOf, identityHeaders, isWithheld } from '../identity/caller-identity.ts'
import type { OwnHosts } from '../start/own-hosts.ts'
import type { ExchangeParts } from '../parts.ts'
import { RequestRefused } from './request-refused.ts'
import { listOf, uriOf } from '../headers/sip-fields.ts'
import { parseUri, type Uri } from '../sip-server/uri.ts'
import type { SipRequest } from '../srf/srf-types.ts'

export type AskingParts = Pick<
  ExchangeParts,
  'authentication' | 'trunks' | 'isSipServerOurs' | 'directory' | 'registrar'
> & {
  readonly ownHosts: OwnHosts
}

/** Who sent a request outside calls. */
export interface Asker {
  /** The customers it may be, none of them suspended: trunks of several can share an address. */
  readonly accountIds: readonly AccountId[]
  /** What its limits are counted by. */
  readonly key: string
  /** Its address of record as its phone writes it; null for a trunk. */
  readonly address: Uri | null
  /** The headers that tell the other side who it is. */
  readonly identity: Record<string, string>
}

/**
 * Who sent a request outside calls: a SIP user or trunk by password, or a trunk by certificate or address, as with INVITE; but any
 * SIP user will do, one who may only register, too. Whoever says in From that he is one of them is asked for the password, though
 * he share an address with a trunk. Throws RequestRefused for everybody else.
 */
export function whoAsks(req: SipRequest, parts: AskingParts): Asker {
  const { authentication } = parts
  const takesPasswords = !authentication.credentials.isEmpty
  const said = takesPasswords ? authentication.identify(req) : { kind: 'anonymous' as const }
  if (said.kind === 'malformed') throw new RequestRefused(400, said.detail)
  if (said.kind === 'challenge') throw new RequestRefused(401, 'Unauthorized', said.headers)
  if (said.kind === 'known') {
    const users = said.credentials.filter((each) => each.kind === 'user')
    const trunks = said.credentials.flatMap((each) => (each.kind === 'trunk' ? (parts.trunks.get(each.id) ?? []) : []))
    return users[0] === undefined ? ofTrunks(trunks, req, parts) : ofUser(users[0].user, req, parts)
  }
  const trunks = saysItIsAUser(req, parts) ? [] : trunksAt(req, parts)
  if (trunks.length > 0) return ofTrunks(trunks, req, parts)
  if (!takesPasswords) throw new RequestRefused(403, 'Forbidden')
  throw new RequestRefused(401, 'Unauthorized', authentication.challenge(req).headers)
}

function saysItIsAUser(req: SipRequest, { registrar, ownHosts }: AskingParts): boolean {
  const from = parseUri(uriOf(req.get('From') ?? ''))
  return from !== null && ownHosts.has(from, req) && registrar.ownerOf(from.user) !== null
}

function trunksAt(req: SipRequest, { trunks, isSipServerOurs }: AskingParts): readonly Trunk[] {
  if (isSipServerOurs && trunks.haveTlsNames) {
    const byName = trunks.ofTlsNames(listOf(req.get('X-DCE-TLS-Client')))
    if (byName.length > 0) return byName
  }
  return trunks.ofSource(req.source_address)
}

function ofUser(
  user: { readonly username: string; readonly accountId: AccountId },
  req: SipRequest,
  parts: AskingParts,
): Asker {
  const { username, accountId } = user
  const from = req.get('From') ?? ''
  const said = parseUri(uriOf(from))
  const isItself = said !== null && said.scheme !== 'tel' && said.user === username
  const address = isItself ? said : null
  const name = displayNameOf(from)
  const header = (field: string): string | undefined => req.get(field)
  // The host stays as its phone has it, or the other phone could not answer by its own account's way.
  const uri = isItself ? uriOf(from) : parts.registrar.addressOf(username)
  const told = isWithheld(callerIdentity(null, header)) ? ANONYMOUS : `${name === '' ? '' : `"${name}" `}<${uri}>`
  return { accountIds: active([accountId], parts), key: `user ${username}`, address, identity: { From: told } }
}

function ofTrunks(trunks: readonly Trunk[], req: SipRequest, parts: AskingParts): Asker {
  const header = (field: string): string | undefined => req.get(field)
  const uris = [...listOf(req.get('P-Asserted-Identity')), req.get('From') ?? '']
  const ani = uris.map((uri) => numberOfUri(uri)).find((number) => number !== null) ?? null
  return {
    accountIds: active(
      trunks.map(({ accountId }) => accountId),
      parts,
    ),
    key: `trunk ${trunks[0]?.id ?? ''}`,
    address: null,
    identity: identityHeaders(callerIdentity(ani, header), false),
  }
}

function active(accountIds: readonly AccountId[], { directory }: AskingParts): readonly AccountId[] {
  const found = accountIds.filter((id) => directory.account(id)?.status === 'active')
  if (found.length === 0) throw new RequestRefused(403, 'Forbidden')
  return found
}
