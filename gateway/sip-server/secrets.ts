/** With the lines that continue it (RFC 3261 §7.3.1). */
const CREDENTIALS =
  /^((?:proxy-)?authorization[ \t]*:(?:[ \t]|\r\n[ \t])*)(\S+)((?:[ \t]|\r\n[ \t])+)((?:[^\r\n]|\r\n[ \t])*)/gim
const DIGEST_RESPONSE = /(\bresponse[ \t]*=[ \t]*")([^"]*)/i
const CRYPTO_LINE = /^a=crypto:[^\r\n]*/gim
/** One line may hold several (RFC 4568 §9.1). */
const SRTP_KEY = /(inline:)([^\s|;]+)/gi

/** The body that tells of a key: `Signal=5` in application/dtmf-relay, the key itself in application/dtmf. */
const KEY_TYPE = /^(?:content-type|c)[ \t]*:[ \t]*application\/dtmf(-relay)?[ \t]*(?:;|\r?$)/im
const KEY_SIGNAL = /(\bsignal[ \t]*=[ \t]*)([^\s]+)/i

const stars = (text: string): string => text.replaceAll(/[^\r\n]/g, '*')

/**
 * A message without what would let its reader in: the digest of an Authorization or Proxy-Authorization (or all of its
 * credentials, of another scheme), the keys of SRTP in SDP (RFC 4568), and what somebody pressed on a telephone, which may
 * be a card number, become as many asterisks, so that every length in the message stays true.
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
  if (/application\/dtmf/i.test(masked)) masked = maskKey(masked)
  if (!/inline:/i.test(masked)) return masked
  return masked.replace(CRYPTO_LINE, (line) =>
    line.replace(SRTP_KEY, (_all, start: string, key: string) => start + stars(key)),
  )
}

function maskKey(text: string): string {
  const type = KEY_TYPE.exec(text)
  const end = text.indexOf('\r\n\r\n')
  if (!type || end < 0 || type.index > end) return text
  const body = text.slice(end + 4)
  const shown = type[1] ? body.replace(KEY_SIGNAL, (_all, name: string, key: string) => name + stars(key)) : stars(body)
  return text.slice(0, end + 4) + shown
}
