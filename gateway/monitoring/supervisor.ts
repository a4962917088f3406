import { BadSupervisor, type MonitorAsker } from '../../model/call-monitor.ts'
import { isAmong, readForeignUri } from '../headers/allowed-hosts.ts'
import type { Registrar } from '../registrar/registrar.ts'
import { parseUri } from '../sip-server/uri.ts'
import type { Trunks } from '../identity/trunks.ts'
import type { Way } from '../invitation/ways.ts'

/** Where a supervisor is rung: at a URI as it stands, or wherever an address of record is registered. */
export interface Supervisor {
  readonly uri: string
  readonly ways: readonly (readonly Way[])[] | null
}

export interface SupervisorParts {
  readonly registrar: Pick<Registrar, 'usernameIn' | 'ownerOf' | 'waysToUser'>
  readonly trunks: Pick<Trunks, 'isCarrier'>
  /** Hosts and domains an administrator may have supervisors called at. */
  readonly hosts: readonly string[]
}

/**
 * Who may be called to monitor a call: a registered user, for buyers one of their own account; for administrators also a SIP URI within a
 * host the operator has named. Nobody is called by a trunk, and never at a carrier's. Throws BadSupervisor.
 */
export function supervisorAt(to: string, by: MonitorAsker, { registrar, trunks, hosts }: SupervisorParts): Supervisor {
  const username = registrar.usernameIn(to)
  if (username !== null) {
    const owner = registrar.ownerOf(username)
    // In the same words: nobody can probe for others' users.
    if (owner === null || (by.role !== 'admin' && owner !== by.accountId))
      throw new BadSupervisor('not_found', `there is no SIP user ${username} who could be called for you`)
    const ways = registrar.waysToUser(username, owner, parseUri(to)?.params.get('gr'))
    if (ways.length === 0) throw new BadSupervisor('not_registered', `${username} is not registered now`)
    // Registered before the trunk was there.
    if (ways.flat().some((way) => leadsToCarrier(way, trunks)))
      throw new BadSupervisor('not_allowed', `${username} is registered at the carrier of an outbound trunk`)
    return { uri: to, ways }
  }
  const uri = readForeignUri(to)
  if (uri === null) throw new BadSupervisor('invalid_uri', 'is not a SIP URI that can be rung')
  if (by.role !== 'admin')
    throw new BadSupervisor('not_allowed', 'must be the address of record of a SIP user of your account')
  if (trunks.isCarrier(to)) throw new BadSupervisor('not_allowed', 'is at the carrier of an outbound trunk')
  if (!isAmong(uri.host, hosts))
    throw new BadSupervisor('not_allowed', `${uri.host} is no host that telephony.monitor_hosts names`)
  return { uri: to, ways: null }
}

function leadsToCarrier(way: Way, trunks: SupervisorParts['trunks']): boolean {
  const { uri, proxy, fallback } = way
  if (trunks.isCarrier(uri) || (proxy !== undefined && trunks.isCarrier(proxy))) return true
  return fallback !== undefined && leadsToCarrier(fallback, trunks)
}
