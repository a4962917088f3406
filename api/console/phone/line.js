// A line: JsSIP's user agent, registered, and registered again whenever the network has changed.

import { registrationProblem } from './plain-words.js'
import { Talk } from './talk.js'

// The API's server puts it together of JsSIP's own modules (api/jssip-script.ts).
const { JsSIP } = await import(new URL('jssip.js', import.meta.url))

/** Seconds. Short: a page that is closed without a word is rung no longer than this. */
const REGISTER_EXPIRES_S = 120
const WRONG_PASSWORD = new Set([401, 403, 404, 407])

/**
 * Events: `state` (detail `{ state: 'connecting' | 'ready' | 'lost' | 'refused' | 'off', problem }`), `call` (detail: the Talk that
 * begins). One call at a time: a second one hears that the line is busy.
 */
export class Line extends EventTarget {
  talk = null
  #ua
  #options
  #onNetwork = () => this.#reconnect()

  /** `url`: of the WebSocket. `iceServers`: a function that resolves to them. */
  constructor({ url, realm, username, password, iceServers, registers = true, from = username }) {
    super()
    this.#options = { realm, iceServers }
    this.#ua = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: `sip:${encodeURIComponent(from)}@${realm}`,
      authorization_user: username,
      password,
      register: registers,
      register_expires: REGISTER_EXPIRES_S,
      session_timers: true,
      user_agent: 'DCE softphone',
      connection_recovery_min_interval: 1,
      connection_recovery_max_interval: 15,
    })
    this.#ua.on('connected', () => {
      if (!registers) this.#ready()
    })
    this.#ua.on('disconnected', () => this.#tell('lost', 'The connection to the exchange is lost. It is tried again.'))
    this.#ua.on('registered', () => this.#ready())
    this.#ua.on('registrationFailed', ({ response, cause }) => this.#refused(response?.status_code, cause))
    this.#ua.on('newRTCSession', ({ originator, session }) => this.#took(originator, session))
  }

  start() {
    this.#tell('connecting')
    this.#ua.start()
    addEventListener('online', this.#onNetwork)
    navigator.connection?.addEventListener?.('change', this.#onNetwork)
  }

  /** Hangs up, unregisters, and disconnects. */
  stop() {
    removeEventListener('online', this.#onNetwork)
    navigator.connection?.removeEventListener?.('change', this.#onNetwork)
    this.#ua.stop()
    this.#tell('off')
  }

  /** Calls `user` here: a number or a SIP name. `stream`: the microphone. */
  async call(user, stream) {
    const iceServers = await this.#options.iceServers()
    const target = `sip:${encodeURIComponent(user).replaceAll('%2B', '+')}@${this.#options.realm}`
    this.#ua.call(target, { mediaStream: stream, pcConfig: { iceServers } })
    return this.talk
  }

  #took(originator, session) {
    if (this.talk !== null) {
      if (originator === 'remote') session.terminate({ status_code: 486 })
      return
    }
    const talk = new Talk(session, originator === 'remote', this.#options.iceServers)
    this.talk = talk
    talk.addEventListener('ended', () => (this.talk = null))
    this.dispatchEvent(new CustomEvent('call', { detail: talk }))
  }

  #ready() {
    this.#tell('ready')
    // What the call was reached by may be gone with the old network.
    this.talk?.restart()
  }

  #refused(status, cause) {
    const problem = registrationProblem(status, cause)
    if (!WRONG_PASSWORD.has(status)) return this.#tell('lost', problem)
    this.stop() // Asking again with the same password would only have this address banned.
    this.#tell('refused', problem)
  }

  /** The old connection may hang for minutes before anybody notices. */
  #reconnect() {
    const { transport } = this.#ua
    if (!transport) return
    transport.disconnect()
    transport.connect()
  }

  #tell(state, problem = null) {
    this.dispatchEvent(new CustomEvent('state', { detail: { state, problem } }))
  }
}
