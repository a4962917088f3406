// The softphone: sign in, connect as a SIP user, call and be called.

import * as session from '../session.js'
import { offerThemes } from '../theme.js'
import { el, phone as numberText } from '../words.js'
import { Line } from './line.js'
import { gradeOf } from './quality.js'
import * as sound from './sound.js'

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '*', '0', '#']
const STATES = {
  connecting: ['waiting', 'Connecting…'],
  ready: ['live', 'Ready'],
  lost: ['waiting', 'Trying again…'],
  refused: ['bad', 'Refused'],
  off: ['off', 'Not registered'],
}

const find = (selector) => document.querySelector(selector)
let line = null
let talk = null
let microphone = null
/** What ends with the call: the ringing, the meters, the clock. */
let endings = []

function show(page) {
  for (const main of document.querySelectorAll('main')) main.hidden = main.id !== page
  find('#sign-out').hidden = page === 'sign-in'
}

function showState({ state, problem }) {
  const [colour, text] = STATES[state]
  find('#connection').dataset.state = colour
  find('#connection').textContent = text
  find('#banner').textContent = problem ?? ''
  find('#banner').hidden = problem === null || state === 'refused'
  find('#dial button').disabled = state !== 'ready'
  if (state !== 'refused') return
  leave()
  find('#line .problem').textContent = problem
  find('#line [name=password]').focus()
}

/** Shows what is on: nothing, a phone that rings, or a call. */
function showTalk(problem = '') {
  const state = talk?.state ?? 'idle'
  const who = talk ? numberText(talk.who) || 'Number withheld' : 'Ready'
  find('#talk-title').textContent = who
  find('#dial').hidden = talk !== null
  find('#ringing').hidden = !(state === 'ringing' && talk.isIncoming)
  find('#up').hidden = !(state === 'up' || (state === 'ringing' && !talk.isIncoming))
  for (const id of ['#mute', '#hold']) find(id).disabled = state !== 'up'
  for (const key of find('#keys').children) key.disabled = state !== 'up'
  find('#meters').hidden = state !== 'up'
  for (const part of document.querySelectorAll('.of-call')) part.hidden = false
  find('#problem').textContent = problem
  find('#mute').setAttribute('aria-pressed', String(talk?.isMuted ?? false))
  find('#hold').setAttribute('aria-pressed', String(talk?.isHeld ?? false))
  showClock()
  document.title = talk ? `${who} – Phone` : 'Phone – Dependable Call Exchange'
}

function showClock() {
  if (!talk) return (find('#talk-state').textContent = '')
  if (talk.state === 'ringing') return (find('#talk-state').textContent = talk.isIncoming ? 'is calling' : 'Calling…')
  const seconds = Math.floor((Date.now() - talk.since) / 1000)
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  const held = talk.isHeld ? ' · on hold' : talk.isHeldByThem ? ' · they hold the call' : ''
  find('#talk-state').textContent = time + held + (talk.isMuted ? ' · muted' : '')
}

function onCall({ detail }) {
  talk = detail
  stopTrying()
  endings.push(sound.ring(!talk.isIncoming))
  talk.addEventListener('state', onUp)
  talk.addEventListener('hold', () => showTalk())
  talk.addEventListener('media', ({ detail: stream }) => {
    find('#voice').srcObject = stream
    endings.push(sound.showLevel(stream, find('#level-in')))
  })
  talk.addEventListener('quality', ({ detail: quality }) => showQuality(quality))
  talk.addEventListener('ended', ({ detail: problem }) => onEnded(problem))
  showTalk()
  if (talk.isIncoming) find('#answer').focus()
}

function onUp() {
  endings.shift()?.() // The ringing.
  const clock = setInterval(showClock, 500)
  endings.push(() => clearInterval(clock), sound.showLevel(microphone, find('#level-out')))
  showTalk()
}

function onEnded(problem) {
  for (const end of endings.splice(0)) end()
  sound.closeStream(microphone)
  microphone = null
  find('#voice').srcObject = null
  talk = null
  showTalk(problem ?? '')
  showListening()
  find('#number').focus()
}

function showListening() {
  find('#quality .badge').className = 'badge busy'
  find('#quality .badge').textContent = 'Listening…'
  find('#quality .quiet').textContent = ''
}

function showQuality(quality) {
  const [colour, word] = gradeOf(quality)
  find('#quality .badge').className = `badge ${colour}`
  find('#quality .badge').textContent = quality ? `${word} (${quality.mos.toFixed(1)})` : word
  const rtt = quality?.rttMs === null || !quality ? '' : `, round trip ${Math.round(quality.rttMs)} ms`
  find('#quality .quiet').textContent = quality
    ? `loss ${quality.lossPercent.toFixed(1)} %, jitter ${Math.round(quality.jitterMs)} ms${rtt}`
    : ''
}

async function openMicrophone() {
  microphone = await sound.openMicrophone(find('#microphone').value)
  await listDevices() // Now their names may be known.
  return microphone
}

async function listDevices() {
  await sound.listDevices(find('#microphone'), find('#speaker'))
}

async function connect(username, password) {
  const { urls, realm } = await session.get('/webrtc/sip')
  // A page over https may only open secure ones; one at localhost has no certificate to show for itself.
  const url = location.protocol === 'https:' ? urls.find((each) => each.startsWith('wss:')) : (urls.at(-1) ?? null)
  if (!url) throw new Error('This exchange takes no SIP over WebSocket: set telephony.wss_port.')
  const iceServers = async () => (await session.get('/webrtc/ice-servers')).ice_servers
  line = new Line({ url, realm, username, password, iceServers })
  line.addEventListener('state', ({ detail }) => showState(detail))
  line.addEventListener('call', onCall)
  find('#me').textContent = username
  show('phone')
  showTalk()
  await listDevices()
  line.start()
}

function leave() {
  stopTrying()
  line?.stop()
  line = null
  show('register')
}

async function start() {
  show('register')
  find('#line [name=username]').focus()
  const { data } = await session.get('/sip-users?limit=100&status=active')
  find('#sip-users').replaceChildren(...data.map(({ username }) => el('option', { value: username })))
  if (data.length === 1) find('#line [name=username]').value = data[0].username
}

const textOf = (error) =>
  error instanceof TypeError ? 'The exchange cannot be reached.' : (error.detail ?? error.message)

function onSubmit(form, act) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const problem = form.querySelector('.problem') ?? find('#problem')
    problem.textContent = ''
    try {
      await act(new FormData(form))
    } catch (error) {
      if (error.status === 401) return show('sign-in')
      problem.textContent = textOf(error)
    }
  })
}

onSubmit(find('#login'), async (form) => {
  await session.signIn(form.get('email'), form.get('password'))
  find('#login').reset()
  await start()
})
onSubmit(find('#line'), (form) => {
  sound.audioContext() // This click lets the page ring.
  return connect(form.get('username').trim(), form.get('password'))
})
onSubmit(find('#dial'), async (form) => {
  const written = form.get('number').trim()
  const user = /^[+\d][\d\s().-]+$/.test(written) ? written.replaceAll(/[\s().-]/g, '') : written
  stopTrying()
  await line.call(user, await openMicrophone())
})

find('#answer').addEventListener('click', async () => {
  try {
    await talk.answer(await openMicrophone())
  } catch (error) {
    find('#problem').textContent = textOf(error)
  }
})
find('#decline').addEventListener('click', () => talk?.hangUp())
find('#hang-up').addEventListener('click', () => talk?.hangUp())
find('#mute').addEventListener('click', () => {
  talk?.mute(!talk.isMuted)
  showTalk()
})
find('#hold').addEventListener('click', () => talk?.hold(!talk.isHeld))
find('#leave').addEventListener('click', leave)

find('#keys').append(
  ...KEYS.map((key) =>
    el('button', { type: 'button', onclick: () => talk?.press(key), ariaLabel: KEY_NAMES(key) }, key),
  ),
)
function KEY_NAMES(key) {
  return key === '*' ? 'Star' : key === '#' ? 'Pound' : key
}
addEventListener('keydown', ({ key, target, ctrlKey, metaKey, altKey }) => {
  const isTyping = target.matches?.('input, select, textarea')
  if (talk?.state === 'up' && !isTyping && !ctrlKey && !metaKey && !altKey && KEYS.includes(key)) talk.press(key)
})

let trying = null
function stopTrying() {
  if (!trying) return
  trying()
  trying = null
  find('#try').setAttribute('aria-pressed', 'false')
  find('#meters').hidden = talk === null
}
find('#try').addEventListener('click', async () => {
  find('#device-problem').textContent = ''
  if (trying || talk) return stopTrying()
  try {
    const stream = await sound.openMicrophone(find('#microphone').value)
    await listDevices()
    const stop = sound.showLevel(stream, find('#level-out'))
    trying = () => {
      stop()
      sound.closeStream(stream)
    }
    find('#try').setAttribute('aria-pressed', 'true')
    find('#meters').hidden = false
    for (const part of document.querySelectorAll('.of-call')) part.hidden = true
  } catch (error) {
    find('#device-problem').textContent = textOf(error)
  }
})
find('#microphone').addEventListener('change', async () => {
  stopTrying()
  if (talk?.state !== 'up') return
  const before = microphone
  try {
    await talk.speakBy(await openMicrophone())
    endings.push(sound.showLevel(microphone, find('#level-out')))
    sound.closeStream(before)
  } catch (error) {
    find('#device-problem').textContent = textOf(error)
  }
})
find('#speaker').addEventListener('change', ({ target }) => {
  void find('#voice').setSinkId?.(target.value)
})
navigator.mediaDevices?.addEventListener('devicechange', () => void listDevices())

find('#sign-out').addEventListener('click', async () => {
  leave()
  await session.signOut()
  show('sign-in')
})
// A page that is closed says so, or its calls would ring on nowhere until the registration ends.
addEventListener('pagehide', () => line?.stop())

offerThemes(find('#theme'))
if (session.signedIn() || (await session.signInForDemo().catch(() => false)))
  await start().catch((error) =>
    error.status === 401 ? show('sign-in') : (find('#line .problem').textContent = textOf(error)),
  )
else show('sign-in')
