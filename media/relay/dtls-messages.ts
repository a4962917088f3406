import type { SrtpKeys } from '../srtp-suites.ts'

export interface DtlsCertificate {
  /** PEM. */
  readonly cert: string
  readonly key: string
  /** Its SHA-256, as a=fingerprint has it. */
  readonly fingerprint: string
}

export interface Fingerprint {
  readonly algorithm: string
  readonly value: string
}

export type ToDtlsThread =
  | {
      readonly kind: 'open'
      readonly id: number
      readonly certificate: DtlsCertificate
      readonly fingerprint: Fingerprint
    }
  | { readonly kind: 'packet'; readonly id: number; readonly packet: Uint8Array }
  | { readonly kind: 'close'; readonly id: number }

export type FromDtlsThread =
  | { readonly kind: 'packet'; readonly id: number; readonly packet: Uint8Array }
  | { readonly kind: 'keys'; readonly id: number; readonly keys: SrtpKeys }
  | { readonly kind: 'failed'; readonly id: number; readonly reason: string }
