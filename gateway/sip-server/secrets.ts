const CREDENTIALS = /^((?:proxy-)?authorization[ \t]*:[ \t]*)(\S+)([ \t]+)([^\r\n]*)/gim
const DIGEST_RESPONSE = /(\bresponse[ \t]*=[ \t]*")([^"]*)/i
const SRTP_KEY = /^(a=crypto:[^\r\n]*?inline:)([^\s|;]+)/gim

const stars = (text: string): string => '*'.repeat(text.length)

/**
 * A message without what would let its reader in: the digest of an Authorization or Proxy-Authorization (or all of its
 * credentials, of another scheme) and the keys of SRTP in SDP (RFC 4568) become as many asterisks, so that every length
 * in the message stays true.
 */
export function maskSecrets(text: string): string {
  let masked = text
  if (/authorization/i.test(masked)) {
    masked = masked.replace(CREDENTIALS, (_all, name: string, scheme: string, gap: string, rest: string) => {
      const isDigest = scheme.toLowerCase() === 'digest' && DIGEST_RESPONSE.test(rest)
      const shown = isDigest
        ? rest.replace(DIGEST_RESPONSE, (_whole, key: string, response: string) => key + stars(response))
        : stars(rest)
      return name + scheme + gap + shown
    })
  }
  return masked.includes('inline:')
    ? masked.replace(SRTP_KEY, (_all, start: string, key: string) => start + stars(key))
    : masked
}
