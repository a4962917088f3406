import assert from 'node:assert/strict'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { MediaUnavailable, type Sdp } from '../media-server.ts'
import { faceKind, withCodecsOf, withDirection, type AudioSection } from './audio-section.ts'
import { Face } from './face.ts'
import { ordersFor, type CodecPolicy } from './offered-codecs.ts'
import type { Path } from './path.ts'
import { checkAnswer, read, toAnswer, toOffer, withoutUnsaid, type Said } from './said.ts'

/** The call whose side is to be taken. */
interface Replaced {
  readonly faces: Readonly<Record<LegSide, Face>>
  readonly said: Readonly<Record<LegSide, Said | null>>
  readonly codecs: CodecPolicy
  /** A new call at an rtpengine that takes this. Rejects with MediaUnavailable when none does. */
  readonly open: <T>(first: (path: Path) => Promise<T>) => Promise<{ path: Path; first: T }>
  readonly isClosed: () => boolean
}

/** Somebody who may take a side’s place, at a call of its own at an rtpengine. */
export interface Newcomer {
  readonly side: LegSide
  readonly path: Path
  readonly face: Face
  /** What the other side is offered for the newcomer. */
  other: AudioSection | null
  /** What it has said, and what the other side has said to that. */
  said: Said | null
  answer: Said | null
  readonly wasOffered: boolean
}

/**
 * Somebody else for one side of a call (`offerReplacement` and what follows it): the newcomer and the side that stays get a new
 * call at an rtpengine, while the old one goes on. What it says is rtpengine's at once; the session moves there when it is seated.
 */
export class Replacing {
  readonly #call: Replaced
  #newcomer: Newcomer | null = null

  constructor(call: Replaced) {
    this.#call = call
  }

  get newcomer(): Newcomer | null {
    return this.#newcomer
  }

  async offer(side: LegSide): Promise<Sdp> {
    const { faces, said, codecs } = this.#call
    const staying = oppositeOf(side)
    const stayingSaid = said[staying]
    assert(stayingSaid !== null, 'a side is replaced after both have spoken')
    // Whoever held the other side is going: the newcomer is asked to talk, and the other side is offered that afterwards.
    const offer = withDirection(faces[staying].agreed ?? stayingSaid.section, 'sendrecv')
    const orders = ordersFor(stayingSaid, 'plain', codecs)
    const { face } = await this.#makeRoom(side, true, (path) => path.offer(staying, offer, 'plain', orders))
    return face.offer(withDirection(face.section!, 'sendrecv'))
  }

  async #makeRoom(side: LegSide, wasOffered: boolean, first: (path: Path) => Promise<AudioSection>): Promise<Newcomer> {
    this.drop()
    const { path, first: section } = await this.#call.open(first)
    if (this.#call.isClosed()) {
      void path.delete()
      throw new MediaUnavailable('the media session is closed')
    }
    const room: Newcomer = { side, path, face: new Face(), other: null, said: null, answer: null, wasOffered }
    if (wasOffered) room.face.written(section)
    else room.other = section
    this.#newcomer = room
    return room
  }

  /** Its answer to the offer → the newcomer, ready to be seated, and what it has said. */
  async take(answer: Sdp): Promise<{ newcomer: Newcomer; said: Said }> {
    const newcomer = this.#newcomer
    assert(newcomer?.wasOffered, 'a place is offered before it is taken')
    const said = read(answer, newcomer.face.offered)
    checkAnswer(newcomer.face.offered!, said.description)
    newcomer.face.agreed = said.section
    const staying = oppositeOf(newcomer.side)
    newcomer.other = await newcomer.path.answer(staying, said.section, this.#call.faces[staying].kind)
    return { newcomer, said }
  }

  async introduce(side: LegSide, description: Sdp): Promise<Sdp> {
    const staying = oppositeOf(side)
    const to = this.#call.faces[staying]
    let newcomer = this.#newcomer
    const said = read(description, newcomer?.side === side && newcomer.wasOffered ? newcomer.face.offered : null)
    if (newcomer?.side === side && newcomer.wasOffered) {
      checkAnswer(newcomer.face.offered!, said.description)
      newcomer.other = await newcomer.path.answer(staying, said.section, to.kind)
    } else {
      newcomer = await this.#makeRoom(side, false, (path) =>
        path.offer(side, said.section, to.kind, ordersFor(said, to.kind, this.#call.codecs)),
      )
      newcomer.face.writer.follow(said.description, said.text)
      newcomer.face.kind = faceKind(said.section)
    }
    newcomer.said = said
    return to.offer(withDirection(withCodecsOf(newcomer.other!, said.section), toOffer(said)))
  }

  async answer(answer: Sdp): Promise<Sdp> {
    const newcomer = this.#newcomer
    assert(newcomer?.said, 'a newcomer is introduced before it is answered')
    const { side, path, face, wasOffered, said } = newcomer
    const to = this.#call.faces[oppositeOf(side)]
    const answered = read(answer, to.offered)
    checkAnswer(to.offered!, answered.description)
    newcomer.answer = answered
    if (wasOffered) await path.offer(side, said.section, to.kind)
    const section = await path.answer(side, answered.section, face.kind)
    face.agreed = answered.section
    return face.writer.write(withDirection(withoutUnsaid(face.written(section), said), toAnswer(said, answered)))
  }

  /** The session has moved to the newcomer's call. */
  seated(): void {
    this.#newcomer = null
  }

  drop(): void {
    void this.#newcomer?.path.delete()
    this.#newcomer = null
  }
}
