import { X509Certificate } from 'node:crypto'
import type { DtlsCertificate } from './dtls-messages.ts'

const DAY_MS = 86_400_000
const VALID_MS = 365 * DAY_MS

/** A certificate for the relay's DTLS associations. Nobody needs to know its issuer: the descriptions name its fingerprint (RFC 5763). */
export async function makeDtlsCertificate(nowMs = Date.now()): Promise<DtlsCertificate> {
  // Only the first browser pays for reading the package.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: 'WebRTC' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    // Peers' clocks are not ours.
    notBeforeDate: new Date(nowMs - DAY_MS),
    notAfterDate: new Date(nowMs + VALID_MS),
  })
  return { cert: made.cert, key: made.private, fingerprint: new X509Certificate(made.cert).fingerprint256 }
}
