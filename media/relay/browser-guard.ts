import type { RemoteInfo } from 'node:dgram'
import type { DtlsThread } from './dtls.ts'
import { IceLite, isStun } from './ice-lite.ts'
import type { LegGuard } from './leg-guard.ts'
import type { DtlsTerms } from './relay-messages.ts'
import { Srtp } from './srtp.ts'

/** From when a call is up: a browser whose handshake is not done by then has a network that does not let it, or is none. */
export const DTLS_LIMIT_MS = 10_000

/** What a browser's leg asks of the leg around it. */
export interface GuardPort {
  send(packet: Uint8Array, port: number, address: string): void
  /** The peer has shown that it is there. */
  heard(): void
  failed(reason: string): void
  readonly dtls: DtlsThread
}

/** RFC 7983 §7: a first byte of 20 to 63 is DTLS. */
function isDtls(packet: Uint8Array): boolean {
  return packet.length > 0 && packet[0]! >= 20 && packet[0]! < 64
}

/** A browser's leg: ICE tells where it is, DTLS brings the keys, SRTP uses them. Nothing passes before the keys are there. */
export class BrowserGuard implements LegGuard {
  readonly path: IceLite
  readonly #port: GuardPort
  #fingerprint = ''
  #association = 0
  #srtp: Srtp | null = null
  #limit: NodeJS.Timeout | null = null
  #failed = false

  constructor(terms: DtlsTerms, port: GuardPort) {
    this.#port = port
    this.path = new IceLite(terms.own, terms.peerUfrag)
    this.renew(terms)
  }

  /** Another offer or answer: an ICE restart goes on with its keys, another certificate is another association (RFC 8842 §4). */
  renew({ own, peerUfrag, fingerprint, certificate }: DtlsTerms): void {
    this.path.restart(own, peerUfrag)
    if (fingerprint.value === this.#fingerprint) return
    this.#fingerprint = fingerprint.value
    const { dtls } = this.#port
    dtls.close(this.#association)
    this.#srtp = null
    this.#association = dtls.open(certificate, fingerprint, {
      send: (packet) => {
        if (this.path.toPort !== 0) this.#port.send(packet, this.path.toPort, this.path.toAddress)
      },
      secured: (keys) => {
        this.#srtp = new Srtp(keys, this.#srtp)
        this.#unlimit()
      },
      failed: (reason) => {
        if (this.#srtp === null) this.#fail(`the DTLS handshake failed: ${reason}`)
      },
    })
  }

  /** The call is up: from now on the handshake has its limit. */
  expect(): void {
    if (this.#srtp !== null || this.#failed) return
    this.#limit ??= setTimeout(
      () => this.#fail(`the DTLS handshake was not done within ${DTLS_LIMIT_MS} ms`),
      DTLS_LIMIT_MS,
    )
  }

  /** True: the packet was ICE's or DTLS's, and is dealt with. */
  takes(packet: Buffer, from: RemoteInfo): boolean {
    if (isStun(packet)) {
      const reply = this.path.answer(packet, from)
      if (reply === null) return false
      this.#port.heard()
      this.#port.send(reply, from.port, from.address)
      return true
    }
    if (!isDtls(packet) || !this.path.accepts(from.address, from.port)) return false
    this.#port.dtls.feed(this.#association, packet)
    return true
  }

  unprotect(packet: Buffer): Buffer | null {
    return this.#srtp === null || packet.length < 12 ? null : this.#srtp.unprotect(packet)
  }
  unprotectRtcp(packet: Buffer): Buffer | null {
    return this.#srtp === null ? null : this.#srtp.unprotectRtcp(packet)
  }
  protect(packet: Buffer): Buffer | null {
    return this.#srtp === null ? null : this.#srtp.protect(packet)
  }
  protectRtcp(packet: Buffer): Buffer | null {
    return this.#srtp === null ? null : this.#srtp.protectRtcp(packet)
  }

  close(): void {
    this.#failed = true
    this.#unlimit()
    this.#port.dtls.close(this.#association)
  }

  #fail(reason: string): void {
    if (this.#failed) return
    this.close()
    this.#port.failed(reason)
  }

  #unlimit(): void {
    if (this.#limit !== null) clearTimeout(this.#limit)
    this.#limit = null
  }
}
