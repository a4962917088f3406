import type { LookupAddress, LookupOptions } from 'node:dns'
import { BlockList, isIP, isIPv4 } from 'node:net'
import { NameLookup } from './name-lookup.ts'

/** What is nobody's public address (IANA's special-purpose registry, RFC 6890), in which a customer's URL has no business. */
const PRIVATE_V4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
]
/** Of global unicast, 2000::/3, what stands for another address or for none; all outside it is refused as it is. */
const PRIVATE_V6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']

/** A name or an address that a customer's URL may not lead to. */
export class AddressRefused extends Error {
  override readonly name = 'AddressRefused'
}

type LookedUp = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/**
 * Keeps requests to URLs that customers name out of the house's own networks (SSRF). It is asked at each connection, of every address a
 * name has: a name that is public when it is written down may be another a minute later.
 */
export class AddressGuard {
  readonly #refused = new BlockList()
  readonly #global = new BlockList()
  readonly #allowed = new BlockList()
  readonly #names: Pick<NameLookup, 'addressesOf'>

  /** `privateNetworks`: CIDR blocks that may be called all the same. Throws for what is none. */
  constructor(privateNetworks: readonly string[] = [], names?: Pick<NameLookup, 'addressesOf'>) {
    this.#names = names ?? new NameLookup({ knowsHouse: privateNetworks.length > 0 })
    this.#global.addSubnet('2000::', 3, 'ipv6')
    for (const block of [...PRIVATE_V4, ...PRIVATE_V6]) add(this.#refused, block)
    for (const block of privateNetworks) add(this.#allowed, block)
  }

  isAllowed(address: string): boolean {
    const family = isIPv4(address) ? 'ipv4' : 'ipv6'
    if (this.#allowed.check(address, family)) return true
    // An IPv4 address within an IPv6 one is outside 2000::/3, and so refused whole.
    return !this.#refused.check(address, family) && (family === 'ipv4' || this.#global.check(address, family))
  }

  /** What can be said of a URL's host before it is looked up: false for an address that is not called, and for our own name. */
  mayCall(hostname: string): boolean {
    const bare = hostname.replace(/^\[|\]$/g, '')
    return isIP(bare) === 0 ? !this.#isOwnName(bare) : this.isAllowed(bare)
  }

  #isOwnName(hostname: string): boolean {
    return /(?:^|\.)localhost\.?$/i.test(hostname) && !this.isAllowed('127.0.0.1')
  }

  /** As `dns.lookup`, for sockets: fails with AddressRefused when any address of the name is not called. */
  readonly lookup = (hostname: string, options: LookupOptions, callback: LookedUp): void => {
    const judge = (all: readonly LookupAddress[]): void => {
      const addresses = all.filter(({ family }) => !isOneFamily(options) || family === options.family)
      const refused = addresses.find(({ address }) => !this.isAllowed(address))
      if (refused) return callback(new AddressRefused(`${hostname} is at ${refused.address}`), [])
      const [first] = addresses
      if (!first) return callback(new AddressRefused(`${hostname} has no address`), [])
      if (options.all) callback(null, addresses)
      else callback(null, first.address, first.family)
    }
    const fail = (error: Error): void => callback(error, [])
    this.#names.addressesOf(hostname).then(judge, fail)
  }
}

function isOneFamily({ family }: LookupOptions): boolean {
  return family === 4 || family === 6
}

function add(list: BlockList, block: string): void {
  const [address = '', bits] = block.split('/')
  const family = isIP(address)
  if (family === 0) throw new TypeError(`${block} is no address`)
  list.addSubnet(address, bits === undefined ? (family === 4 ? 32 : 128) : Number(bits), family === 4 ? 'ipv4' : 'ipv6')
}
