// One call, from either side, until it is over.

import { callProblem } from './plain-words.js'
import { qualityBetween, readReport } from './quality.js'

/** How long candidates of the network are gathered once there is one: a STUN server that does not answer would hold up the call. */
const GATHER_MS = 700
/** How long a way that has stopped working may recover by itself. */
const RECOVER_MS = 3000
const QUALITY_EVERY_MS = 2000
const HOLD_AGAIN_MS = 300
const HOLD_TRIES = 20

const OVER = new Set(['Terminated', 'Canceled'])

/**
 * Events: `state` (detail: ringing | up | ended, after which none comes), `media` (detail: the other side's stream), `quality`
 * (detail as quality.js has it), `hold` and `ended` (detail: a sentence, or null when somebody has hung up).
 */
export class Talk extends EventTarget {
  state = 'ringing'
  isMuted = false
  isHeld = false
  isHeldByThem = false
  since = null
  #session
  #iceServers
  #timers = []
  #recovering = null
  #isRestarting = false

  constructor(session, isIncoming, iceServers) {
    super()
    this.#session = session
    this.#iceServers = iceServers
    this.isIncoming = isIncoming
    const { user } = session.remote_identity.uri
    this.who = user === 'anonymous' ? '' : decodeURIComponent(user ?? '')
    if (session.connection) this.#watch(session.connection)
    else session.on('peerconnection', ({ peerconnection }) => this.#watch(peerconnection))
    session.on('icecandidate', ({ ready }) => setTimeout(() => ready(), GATHER_MS))
    session.on('accepted', () => this.#up())
    session.on('confirmed', () => this.#up())
    session.on('hold', ({ originator }) => this.#held(originator, true))
    session.on('unhold', ({ originator }) => this.#held(originator, false))
    session.on('ended', (event) =>
      this.#end(OVER.has(event.cause) ? null : callProblem(answerOf(event.message), event.cause)),
    )
    session.on('failed', (event) => {
      const isOurs = event.originator === 'local' && OVER.has(event.cause)
      this.#end(
        isOurs ? null : callProblem(event.originator === 'remote' ? answerOf(event.message) : null, event.cause),
      )
    })
  }

  async answer(stream) {
    const iceServers = await this.#iceServers()
    this.#session.answer({ mediaStream: stream, pcConfig: { iceServers } })
  }

  hangUp() {
    if (this.state === 'ended') return
    const isUnanswered = this.isIncoming && this.state === 'ringing'
    this.#session.terminate(isUnanswered ? { status_code: 486 } : undefined)
  }

  mute(isMuted) {
    this.isMuted = isMuted
    if (isMuted) this.#session.mute({ audio: true })
    else this.#session.unmute({ audio: true })
  }

  /** Asks the other side to hold, or to go on; a little later if something else is being agreed just now. */
  hold(isHeld, triesLeft = HOLD_TRIES) {
    if (this.state !== 'up' || triesLeft === 0) return
    const isAsked = isHeld ? this.#session.hold() : this.#session.unhold()
    if (!isAsked && this.isHeld !== isHeld) setTimeout(() => this.hold(isHeld, triesLeft - 1), HOLD_AGAIN_MS)
  }

  /** A key: as an event of RFC 4733 in the audio where that was agreed, else as INFO. */
  press(tone) {
    const sender = this.#sender()
    const transportType = sender?.dtmf?.canInsertDTMF ? 'RFC2833' : 'INFO'
    this.#session.sendDTMF(tone, { transportType })
  }

  /** Speaks by another microphone from now on. */
  async speakBy(stream) {
    const [track] = stream.getAudioTracks()
    track.enabled = !this.isMuted
    await this.#sender()?.replaceTrack(track)
  }

  /** New ways for the audio (ICE restart, RFC 8445 §9), by a re-INVITE: after the network has changed. */
  restart() {
    if (this.state !== 'up' || this.#isRestarting) return
    this.#isRestarting = this.#session.renegotiate({ rtcOfferConstraints: { iceRestart: true } }, () => {
      this.#isRestarting = false
    })
    // Refused, or answered never: the next change of the network may try again.
    setTimeout(() => (this.#isRestarting = false), 10 * RECOVER_MS)
  }

  #sender() {
    return this.#session.connection?.getSenders().find(({ track }) => track?.kind === 'audio')
  }

  #watch(connection) {
    connection.addEventListener('track', ({ track, streams }) => {
      if (track.kind === 'audio')
        this.dispatchEvent(new CustomEvent('media', { detail: streams[0] ?? new MediaStream([track]) }))
    })
    connection.addEventListener('iceconnectionstatechange', () => {
      clearTimeout(this.#recovering)
      const { iceConnectionState } = connection
      if (iceConnectionState === 'failed') this.restart()
      if (iceConnectionState === 'disconnected') this.#recovering = setTimeout(() => this.restart(), RECOVER_MS)
    })
    let before = null
    this.#timers.push(
      setInterval(() => {
        if (this.state !== 'up' || this.isHeld || this.isHeldByThem) return (before = null)
        void connection.getStats().then((report) => {
          const now = readReport(report)
          if (before !== null) this.dispatchEvent(new CustomEvent('quality', { detail: qualityBetween(before, now) }))
          before = now
        })
      }, QUALITY_EVERY_MS),
    )
  }

  #up() {
    if (this.state !== 'ringing') return
    this.state = 'up'
    this.since = Date.now()
    this.dispatchEvent(new CustomEvent('state', { detail: 'up' }))
  }

  #held(originator, isHeld) {
    if (originator === 'local') this.isHeld = isHeld
    else this.isHeldByThem = isHeld
    this.dispatchEvent(new CustomEvent('hold'))
  }

  #end(problem) {
    if (this.state === 'ended') return
    this.state = 'ended'
    for (const timer of this.#timers) clearInterval(timer)
    clearTimeout(this.#recovering)
    this.dispatchEvent(new CustomEvent('ended', { detail: problem }))
  }
}

/** A final SIP answer as callProblem wants it; null when the message is none. */
function answerOf(message) {
  if (!message?.status_code) return null
  return { status: message.status_code, phrase: message.reason_phrase, warning: message.getHeader('Warning') }
}
