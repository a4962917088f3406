// Click-to-call for a seller's own site:
//   <script type="module" src="https://exchange.example.com/console/phone/click-to-call.js"></script>
//   <dce-call token-url="/call-token" label="Call us"></dce-call>
// POST token-url is the site's own: it answers with what POST /api/v1/click-to-call/tokens gave its server.

import { Line } from './line.js'
import * as sound from './sound.js'

const STYLE = `
:host { display: inline-block; font: inherit; }
button { font: inherit; font-weight: 600; padding: 0.6em 1.2em; border: 0; border-radius: 0.5em; cursor: pointer;
  color: var(--dce-call-text, #fff); background: var(--dce-call-color, #0b6e5f); }
button[data-state='up'], button[data-state='calling'] { background: var(--dce-call-end-color, #a32424); }
button:focus-visible { outline: 3px solid currentColor; outline-offset: 2px; }
button:disabled { opacity: 0.6; cursor: progress; }
p { margin: 0.4em 0 0; font-size: 0.9em; max-width: 28em; }
p:empty { display: none; }`

/** A button that calls, and hangs up. Attributes: `token-url`, `label`. Events: `dce-call` (detail `{ state, problem }`). */
class ClickToCall extends HTMLElement {
  #button = document.createElement('button')
  #says = document.createElement('p')
  #voice = document.createElement('audio')
  #line = null
  #ends = []

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    const sheet = new CSSStyleSheet() // A site's Content-Security-Policy may forbid <style>.
    sheet.replaceSync(STYLE)
    root.adoptedStyleSheets = [sheet]
    this.#button.type = 'button'
    this.#says.setAttribute('role', 'status')
    this.#voice.autoplay = true
    root.append(this.#button, this.#says, this.#voice)
    this.#button.addEventListener('click', () => (this.#line ? this.#hangUp() : void this.#call()))
  }

  connectedCallback() {
    this.#show('idle')
  }

  disconnectedCallback() {
    this.#over()
  }

  #show(state, problem = '') {
    const label = this.getAttribute('label') ?? 'Call'
    this.#button.textContent = { idle: label, preparing: 'One moment…', calling: 'Calling… Hang up', up: 'Hang up' }[
      state
    ]
    this.#button.disabled = state === 'preparing'
    this.#button.dataset.state = state
    this.#says.textContent = problem
    this.dispatchEvent(new CustomEvent('dce-call', { bubbles: true, composed: true, detail: { state, problem } }))
  }

  async #call() {
    this.#show('preparing')
    try {
      sound.audioContext()
      const stream = await sound.openMicrophone() // Before the token, which would run out while the browser asks.
      this.#ends.push(() => sound.closeStream(stream))
      const { token, number, sip, ice_servers: servers } = await this.#token()
      const [username, password] = token.split('.')
      const secure = sip.urls.find((url) => url.startsWith('wss:'))
      const url = location.protocol === 'https:' ? secure : sip.urls.at(-1)
      if (!url) throw new Error('This call cannot be placed from here.')
      const iceServers = async () => servers
      const line = new Line({ url, realm: sip.realm, username, password, iceServers, registers: false })
      this.#line = line
      line.addEventListener('state', ({ detail }) => {
        if (this.#line === line) this.#onLine(detail, number, stream) // It says a word or two after its call is over.
      })
      line.start()
    } catch (error) {
      this.#over(error.message)
    }
  }

  async #token() {
    const answer = await fetch(this.getAttribute('token-url'), { method: 'POST' }).catch(() => null)
    if (!answer?.ok) throw new Error('Calls are not possible at the moment. Try again later.')
    return answer.json()
  }

  #onLine({ state, problem }, number, stream) {
    if (this.#line.talk) return // A call outlives a connection that comes back.
    if (state === 'ready') void this.#dial(number, stream)
    else if (state === 'lost') this.#over(problem)
  }

  async #dial(number, stream) {
    const talk = await this.#line.call(number, stream)
    const stopRinging = sound.ring(true)
    this.#ends.push(stopRinging)
    this.#show('calling')
    talk.addEventListener('media', ({ detail }) => (this.#voice.srcObject = detail))
    talk.addEventListener('state', () => {
      stopRinging()
      this.#show('up')
    })
    talk.addEventListener('ended', ({ detail }) => this.#over(detail ?? ''))
  }

  #hangUp() {
    if (this.#line.talk) this.#line.talk.hangUp()
    else this.#over()
  }

  #over(problem = '') {
    const line = this.#line
    this.#line = null
    for (const end of this.#ends.splice(0)) end()
    this.#voice.srcObject = null
    if (line) setTimeout(() => line.stop()) // After the answer that ended the call is acknowledged.
    this.#show('idle', problem)
  }
}

customElements.define('dce-call', ClickToCall)
