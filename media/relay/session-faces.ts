import assert from 'node:assert/strict'
import type { LegSide } from '../../model/call.ts'
import { MediaUnavailable } from '../media-server.ts'
import type { DtlsCertificate } from './dtls-messages.ts'
import { newFace, type Face } from './face.ts'
import { FaceSecurity } from './face-security.ts'
import type { RelayReply } from './relay-messages.ts'
import type { RelayAddress } from './relay-options.ts'
import type { RelayThread } from './relay-thread.ts'

/** Where two sessions of ours meet: nobody else can reach it. */
const INSIDE: RelayAddress = { bind: '127.0.0.1', told: '127.0.0.1' }

export interface SessionFacesParts {
  readonly id: number
  readonly thread: RelayThread
  readonly makeCertificate: () => Promise<DtlsCertificate>
  /** How the caller's audio is secured, which its offer has said already. */
  readonly callerSecurity: FaceSecurity
  readonly callerAddress: RelayAddress
  readonly buyerAddress: RelayAddress
  readonly callerPort: number
  readonly buyerPort: number
}

/** The two faces of a relayed call, and one for somebody who is to take a side's place: each has a port, which the relay thread opens. */
export class SessionFaces {
  readonly #parts: SessionFacesParts
  readonly #faces: Record<LegSide, Face>
  #buyerPortIsFresh = true

  constructor(parts: SessionFacesParts) {
    this.#parts = parts
    this.#faces = {
      caller: newFace(parts.callerAddress, parts.callerPort, parts.callerSecurity),
      buyer: newFace(parts.buyerAddress, parts.buyerPort, this.#newSecurity()),
    }
  }

  of(side: LegSide): Face {
    return this.#faces[side]
  }

  /** The face for the next target: each has a port of its own. Throws MediaUnavailable when there is none left. */
  async nextBuyer(): Promise<Face> {
    if (!this.#buyerPortIsFresh) {
      const { id, thread, buyerAddress } = this.#parts
      const reply = await thread.requestPorts({ kind: 'fresh-buyer', session: id, buyerAddress: buyerAddress.bind })
      this.#faces.buyer = newFace(buyerAddress, openedPort(reply), this.#newSecurity())
    }
    this.#buyerPortIsFresh = false
    return this.#faces.buyer
  }

  /** A face for who is to take this side's place; `inside`: it is another session of ours. Throws MediaUnavailable as `nextBuyer`. */
  async openSpare(side: LegSide, where?: 'inside'): Promise<Face> {
    const { id, thread, callerAddress, buyerAddress } = this.#parts
    const address = where ? INSIDE : side === 'caller' ? callerAddress : buyerAddress
    const reply = await thread.requestPorts({ kind: 'spare', session: id, address: address.bind })
    if (reply.kind !== 'spare-opened') throw new MediaUnavailable(reply.kind === 'refused' ? reply.reason : reply.kind)
    return newFace(address, reply.port, this.#newSecurity())
  }

  /** This side is met at the spare face from now on. */
  async seat(side: LegSide, face: Face): Promise<void> {
    const { id, thread } = this.#parts
    const taken = await thread.request({ kind: 'take-spare', session: id, side })
    if (taken.kind === 'refused') throw new MediaUnavailable(taken.reason)
    this.#faces[side] = face
  }

  #newSecurity(): FaceSecurity {
    return new FaceSecurity(this.#parts.makeCertificate)
  }
}

function openedPort(reply: RelayReply): number {
  if (reply.kind === 'refused') throw new MediaUnavailable(reply.reason)
  assert(reply.kind === 'opened')
  return reply.buyerPort
}
