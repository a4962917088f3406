import type { PagePhone } from './browser-phone.ts'

/** SIP.js in a page: its package has ES modules that import one another by relative paths, which browsers load as they are. */
export const SIPJS: PagePhone = {
  scripts: () => `<script type="module">${PHONE}</script>`,
  modules: new URL('.', import.meta.resolve('sip.js')),
}

const PHONE = `
import * as SIP from '/modules/index.js'
Object.assign(window.phone, {
  start({ url, username, password, register = true, toneHz = 0, rtc = {} }) {
    this.toneHz = toneHz
    this.ua = new SIP.UserAgent({
      uri: SIP.UserAgent.makeURI('sip:' + username + '@dce'),
      transportOptions: { server: url },
      authorizationUsername: username,
      authorizationPassword: password,
      logLevel: 'error',
      sessionDescriptionHandlerFactory: SIP.Web.defaultSessionDescriptionHandlerFactory(async () => this.sound()),
      // Left to itself it asks a public STUN server.
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [], ...rtc } },
      delegate: {
        onConnect: () => this.tell('connected'),
        onDisconnect: () => this.tell('disconnected'),
        onInvite: (invitation) => {
          this.took(invitation)
          this.tell('ringing here', invitation.remoteIdentity.uri.user)
        },
      },
    })
    this.registerer = new SIP.Registerer(this.ua, { expires: 120 })
    this.registerer.stateChange.addListener((state) => this.tell(state.toLowerCase()))
    const onReject = ({ message }) => this.tell('registration failed', message.statusCode)
    return this.ua.start().then(() => register && this.registerer.register({ requestDelegate: { onReject } }).then(() => true))
  },
  took(session) {
    this.session = session
    session.delegate = {
      onSessionDescriptionHandler: ({ peerConnection }) => this.listen(peerConnection),
      onBye: () => this.tell('ended', 'remote'),
      onCancel: () => this.tell('failed', 'remote'),
    }
    session.stateChange.addListener((state) => this.tell(state === SIP.SessionState.Established ? 'confirmed' : state))
  },
  call(user) {
    this.took(new SIP.Inviter(this.ua, SIP.UserAgent.makeURI('sip:' + user + '@dce')))
    const requestDelegate = {
      onProgress: ({ message }) => this.tell('progress', message.statusCode),
      onReject: ({ message }) => this.tell('failed', message.statusCode),
    }
    return this.session.invite({ requestDelegate }).then(() => true)
  },
  answer() { return this.session.accept() },
  hangUp() {
    if (this.session.state === SIP.SessionState.Established) return this.session.bye().then(() => true)
    return this.session instanceof SIP.Inviter ? this.session.cancel() : this.session.reject()
  },
  stop() {
    return this.registerer.dispose().then(() => this.ua.stop())
  },
})
`
