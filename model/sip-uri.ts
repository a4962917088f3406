import { isIPv4, isIPv6 } from 'node:net'

// RFC 3261 §25.1, less what a target has no use for: passwords, header fields and escapes of the whole userinfo.
const SIP_URI =
  /^sips?:(?:[A-Za-z0-9_.!~*'()&=+$,;?/%-]{1,128}@)?(?<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?)(?::(?<port>\d{1,5}))?(?:;[A-Za-z0-9_.!~*'()+$%:[\]/&-]+(?:=[A-Za-z0-9_.!~*'()+$%:[\]/&-]+)?)*$/i

/** The longest there may be. */
export const MAX_SIP_URI = 255

/** Whether a text is a SIP or SIPS URI that could be rung: whether anybody is there is another matter. */
export function isSipUri(text: string): boolean {
  if (text.length > MAX_SIP_URI) return false
  const { host, port = '5060' } = SIP_URI.exec(text)?.groups ?? {}
  return host !== undefined && isHost(host) && Number(port) >= 1 && Number(port) <= 65_535
}

/** Whether what looks like an address is one; a name is looked up when it is rung. */
function isHost(host: string): boolean {
  if (host.startsWith('[')) return isIPv6(host.slice(1, -1))
  return !/^[\d.]+$/.test(host) || isIPv4(host)
}
