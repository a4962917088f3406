import { BlockList, isIPv4, isIPv6 } from 'node:net'

const MAPPED = '::ffff:'

/** An address of our peers in one spelling: IPv4 plain even where a socket of both families saw it, no zone. */
function plainAddress(host: string): string {
  if (host.startsWith(MAPPED) && host.includes('.')) return host.slice(MAPPED.length)
  const zone = host.indexOf('%')
  return zone === -1 ? host : host.slice(0, zone)
}

/**
 * Who is held to account for what comes from an address: the address itself, of IPv6 its /64, since whoever has one address
 * of that has all of them.
 */
export function sourceKeyOf(host: string): string {
  if (!host.includes(':')) return host
  const plain = plainAddress(host)
  if (!isIPv6(plain)) return plain
  const [head = '', tail] = plain.split('::')
  const left = head === '' ? [] : head.split(':')
  const groups = tail === undefined ? left : [...left, ...zeros(left, tail), ...tail.split(':')]
  const network = groups.slice(0, 4).map((group) => (Number.parseInt(group, 16) || 0).toString(16))
  return `${network.join(':')}::/64`
}

function zeros(left: readonly string[], tail: string): string[] {
  // A dotted quad at the end stands for two groups.
  const right = tail === '' ? 0 : tail.split(':').length + (tail.includes('.') ? 1 : 0)
  return Array.from({ length: Math.max(0, 8 - left.length - right) }, () => '0')
}

/** A set of addresses and blocks (`192.0.2.1`, `192.0.2.0/24`, `2001:db8::/48`); of IPv6 none is smaller than a /64. */
export class AddressBlocks {
  readonly #list = new BlockList()

  /** What is no address or block is left out: whoever keeps the list has refused it before. */
  constructor(blocks: readonly string[]) {
    for (const block of blocks) {
      const [host = '', bits] = block.split('/')
      const address = plainAddress(host.replace(/^\[|\]$/g, ''))
      const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : null
      const longest = family === 'ipv4' ? 32 : 128
      const prefix = bits === undefined ? longest : Number(bits)
      if (family === null || !Number.isInteger(prefix) || prefix < 0 || prefix > longest) continue
      this.#list.addSubnet(address, family === 'ipv4' ? prefix : Math.min(64, prefix), family)
    }
  }

  has(host: string): boolean {
    const address = plainAddress(host)
    if (isIPv4(address)) return this.#list.check(address, 'ipv4')
    return isIPv6(address) && this.#list.check(address, 'ipv6')
  }
}

/** An IP literal in network order: four bytes or sixteen; an IPv4 address that an IPv6 socket saw is four, too. */
export function addressBytes(host: string): Buffer {
  if (host.includes('.'))
    return Buffer.from(
      host
        .slice(host.lastIndexOf(':') + 1)
        .split('.')
        .map(Number),
    )
  const [plain = ''] = host.split('%')
  const [head = '', tail] = plain.split('::')
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const before = groupsOf(head)
  const after = groupsOf(tail ?? '')
  const between = Array.from({ length: 8 - before.length - after.length }, () => '0')
  const bytes = Buffer.alloc(16)
  for (const [index, group] of [...before, ...between, ...after].entries())
    bytes.writeUInt16BE(Number.parseInt(group, 16), index * 2)
  return bytes
}
