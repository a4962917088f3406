import { EventEmitter } from 'node:events'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import type { Bridge } from '../bridge.ts'
import type { Leg } from '../leg.ts'
import type { LegDialog, LegResponse, SendOptions } from '../srf/srf-types.ts'

/** A place in an answered call that another call of ours is to take. */
export interface Place {
  readonly bridge: Bridge
  readonly side: LegSide
}

/** What a call says to the one at the other end of its splice. */
interface InsideRequest {
  readonly method: string
  readonly body: string | undefined
  get(name: string): string | undefined
}

/** Refused by the other call. */
class InsideFailure extends Error {
  override readonly name = 'InsideFailure'
  readonly status: number

  constructor(status: number) {
    super(`the other call answered ${status}`)
    this.status = status
  }
}

/** drachtio-srf's names of the events that requests inside a dialog are. */
const EVENTS: Readonly<Record<string, string>> = { INVITE: 'modify', BYE: 'destroy' }

/**
 * One end of a splice: to its call it is a dialog like any other, and what is asked of it, the dialog at the other end hears from
 * its side. So each of the two calls keeps its own record, money, timers and transfers.
 */
class SplicedDialog extends EventEmitter implements LegDialog {
  /** No dialog of SIP's: nobody can name it. */
  readonly sip = { callId: '', localTag: '', remoteTag: '' }
  readonly local: { readonly uri: string; sdp: string }
  readonly remote: { readonly uri: string; readonly sdp: string }
  connected = true
  #other!: SplicedDialog

  private constructor(local: { uri: string; sdp: string }, remote: { uri: string; sdp: string }) {
    super()
    this.local = local
    this.remote = remote
  }

  static pair(one: { uri: string; sdp: string }, two: { uri: string; sdp: string }): [SplicedDialog, SplicedDialog] {
    const [a, b] = [new SplicedDialog({ ...one }, two), new SplicedDialog({ ...two }, one)]
    a.#other = b
    b.#other = a
    return [a, b]
  }

  destroy({ headers = {} }: { headers?: Record<string, string> } = {}): Promise<void> {
    if (!this.connected) return Promise.resolve()
    this.connected = false
    this.#other.connected = false
    this.#other.emit('destroy', insideRequest('BYE', headers, undefined), '')
    return Promise.resolve()
  }

  async modify(sdp: string, { headers = {} }: { headers?: Record<string, string> } = {}): Promise<string> {
    const { status, body } = await this.#ask(insideRequest('INVITE', headers, sdp))
    if (status >= 300) throw new InsideFailure(status)
    this.local.sdp = sdp
    return body ?? ''
  }

  request(options: {
    method: string
    headers?: Record<string, string>
    body?: string | undefined
  }): Promise<LegResponse> {
    return this.#ask(insideRequest(options.method, options.headers ?? {}, options.body))
  }

  #ask(request: InsideRequest): Promise<LegResponse> {
    return new Promise((resolve) => {
      const answer = {
        finalResponseSent: false,
        send(status: number, { headers = {}, body }: SendOptions = {}) {
          answer.finalResponseSent = true
          resolve({ status, body, get: getter(headers) })
        },
      }
      const event = EVENTS[request.method] ?? request.method.toLowerCase()
      if (!this.connected || !this.#other.emit(event, request, answer)) answer.send(481)
    })
  }
}

function insideRequest(method: string, headers: Record<string, string>, body: string | undefined): InsideRequest {
  return { method, body, get: getter(headers) }
}

function getter(headers: Record<string, string>): (name: string) => string | undefined {
  const byName = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
  return (name) => byName.get(name.toLowerCase())
}

/**
 * Two calls end to end: a leg for a place in each, and what each has said last to the other. Whoever sits on the far side of the one
 * call talks with whoever sits on the far side of the other.
 */
export function splice(one: Place & { said: string }, two: Place & { said: string }): [forOne: Leg, forTwo: Leg] {
  const [a, b] = SplicedDialog.pair(
    { uri: farLeg(one).dialog.remote.uri, sdp: one.said },
    { uri: farLeg(two).dialog.remote.uri, sdp: two.said },
  )
  return [new SplicedLeg(a, two), new SplicedLeg(b, one)]
}

class SplicedLeg implements Leg {
  readonly dialog: SplicedDialog
  readonly sourceAddress = ''
  readonly #beyond: Place

  constructor(dialog: SplicedDialog, beyond: Place) {
    this.dialog = dialog
    this.#beyond = beyond
  }

  /** The call at the other end. */
  get beyond(): Bridge {
    return this.#beyond.bridge
  }

  /** Where the talk goes on behind the other call. */
  get farLeg(): Leg {
    return farLeg(this.#beyond)
  }

  hangUp(headers: Record<string, string> = {}): Promise<void> {
    return this.dialog.destroy({ headers })
  }

  /** Of the dialog behind the other call: after a crash there is no other to say BYE in. */
  state(): ReturnType<Leg['state']> {
    return this.farLeg.state()
  }
}

function farLeg({ bridge, side }: Place): Leg {
  return bridge.legOf(oppositeOf(side))
}

/** Whether the talk of this place leads to that call already, through however many splices: joined with it, it would go round. */
export function leadsTo(place: Place, bridge: Bridge): boolean {
  let leg = farLeg(place)
  while (leg instanceof SplicedLeg) {
    if (leg.beyond === bridge) return true
    leg = leg.farLeg
  }
  return false
}
