/** What an SRTP suite is made of, in bytes. */
export interface SrtpSuite {
  readonly name: string
  readonly keyBytes: number
  readonly saltBytes: number
  /** Of RTP; RTCP's is always 10 (RFC 3711 §5.2). */
  readonly tagBytes: number
}

/**
 * The suites we speak, the ones we prefer first (RFC 4568 §6.2). Those of RFC 7714 (GCM) would cost several times as much in Node
 * (`npm run bench -- media`): a peer that has nothing else is refused.
 */
export const SRTP_SUITES = [
  { name: 'AES_CM_128_HMAC_SHA1_80', keyBytes: 16, saltBytes: 14, tagBytes: 10 },
  { name: 'AES_CM_128_HMAC_SHA1_32', keyBytes: 16, saltBytes: 14, tagBytes: 4 },
] as const satisfies readonly SrtpSuite[]

export type SrtpSuiteName = (typeof SRTP_SUITES)[number]['name']

/** Both directions' master keys, each followed by its salt. */
export interface SrtpKeys {
  readonly suite: SrtpSuiteName
  readonly send: Uint8Array
  readonly receive: Uint8Array
}

export function suiteOf(name: SrtpSuiteName): SrtpSuite {
  return SRTP_SUITES.find((suite) => suite.name === name)!
}
