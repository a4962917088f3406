import { rootCertificates } from 'node:tls'
import type { ConnectionOptions, SecureContextOptions } from 'node:tls'
import { isIP } from 'node:net'
import { checkServerIdentity } from './tls-identity.ts'
import type { TlsVerification } from './tls-identity.ts'

/** Certificates, in PEM. */
export interface TlsCertificates {
  /** Ours, with its chain. */
  readonly cert: string
  readonly key: string
  /** The authorities of clients' certificates; beside the system's, of servers' too. Absent: clients are not asked for one. */
  readonly ca?: string
}

export interface TlsOptions extends TlsCertificates {
  /** How servers we connect to must prove their name. Default `strict`. */
  readonly verify?: TlsVerification
  /** Whether servers that ask see our certificate. Default false: many refuse a self-signed one, and take none. */
  readonly isShown?: boolean
}

/** The certificates of a server's TLS transports: one of it, so that a renewal reaches them all. */
export class TlsContext {
  readonly #options: TlsOptions
  #certificates: TlsCertificates
  readonly #listeners: ((certificates: SecureContextOptions) => void)[] = []

  constructor(options: TlsOptions) {
    this.#options = options
    this.#certificates = options
  }

  /** Whether clients are asked for their certificate. That is settled at the start. */
  get asksClients(): boolean {
    return this.#options.ca !== undefined
  }

  get server(): SecureContextOptions {
    const { cert, key, ca } = this.#certificates
    return { cert, key, minVersion: 'TLSv1.2', ...(ca !== undefined && { ca }) }
  }

  /** What a connection to `domain` is made with. */
  client(domain: string): ConnectionOptions {
    const { cert, key, ca } = this.#certificates
    const { verify = 'strict', isShown = false } = this.#options
    const name = domain.replace(/^\[|\]$/g, '')
    return {
      minVersion: 'TLSv1.2',
      rejectUnauthorized: verify !== 'off',
      ...(ca !== undefined && { ca: [...rootCertificates, ca] }),
      ...(isShown && { cert, key }),
      // RFC 6066 §3: no literals.
      ...(isIP(name) === 0 && { servername: name }),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(domain, certificate, verify),
    }
  }

  /** Connections made from now on see these; the others go on. Throws when certificate and key do not match. */
  replace(certificates: TlsCertificates): void {
    const before = this.#certificates
    this.#certificates = certificates
    try {
      for (const listener of this.#listeners) listener(this.server)
    } catch (error) {
      this.#certificates = before
      for (const listener of this.#listeners) listener(this.server)
      throw error
    }
  }

  onReplaced(listener: (certificates: SecureContextOptions) => void): void {
    this.#listeners.push(listener)
  }
}
