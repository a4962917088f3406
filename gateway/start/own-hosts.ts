import ipaddr from 'ipaddr.js'
import type { Uri } from '../sip-server/uri.ts'
import type { SipRequest } from '../srf/srf-types.ts'

/** The hosts of our own that requests are addressed to: nothing is passed on for any other. */
export class OwnHosts {
  readonly #hosts: ReadonlySet<string>

  /** `realm` is the domain of our addresses of record; `addresses` is what others are told of where we are. */
  constructor(realm: string, addresses: readonly string[]) {
    this.#hosts = new Set([realm, ...addresses].map(plain))
  }

  /** Whether this URI names somebody here. Its port is not looked at: a port that is forwarded to us is not one we know. */
  has(uri: Uri, req: Pick<SipRequest, 'receivedOn'>): boolean {
    if (uri.scheme === 'tel') return false
    const host = plain(uri.host)
    return this.#hosts.has(host) || (req.receivedOn !== undefined && plain(withoutPort(req.receivedOn)) === host)
  }
}

function withoutPort(place: string): string {
  return place.slice(0, place.lastIndexOf(':'))
}

/** One spelling for each host. */
function plain(host: string): string {
  const bare = host.replaceAll(/[[\]]/g, '').toLowerCase().replace(/\.$/, '')
  return ipaddr.isValid(bare) ? ipaddr.process(bare).toString() : bare
}
