/** With the lines that continue it (RFC 3261 §7.3.1). */
const CREDENTIALS =
  /^((?:proxy-)?authorization[ \t]*:(?:[ \t]|\r\n[ \t])*)(\S+)((?:[ \t]|\r\n[ \t])+)((?:[^\r\n]|\r\n[ \t])*)/gim
const DIGEST_RESPONSE = /(\bresponse[ \t]*=[ \t]*")([^"]*)/i
const CRYPTO_LINE = /^a=crypto:[^\r\n]*/gim
/** One line may hold several (RFC 4568 §9.1). */
const SRTP_KEY = /(inline:)([^\s|;]+)/gi

const stars = (text: string): string => text.replaceAll(/[^\r\n]/g, '*')

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
  if (!/inline:/i.test(masked)) return masked
  return masked.replace(CRYPTO_LINE, (line) =>
    line.replace(SRTP_KEY, (_all, start: string, key: string) => start + stars(key)),
  )
}
