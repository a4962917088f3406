// The first page: sign in, then calls and decisions as they happen.

import * as balances from './balances.js'
import * as calls from './calls.js'
import * as decisions from './decisions.js'
import { openFeed } from './feed.js'
import * as session from './session.js'
import { offerThemes } from './theme.js'

const find = (selector) => document.querySelector(selector)
let feed = null

const STATES = { live: 'Live', waiting: 'Connecting…', off: 'Not connected' }

function showState(state) {
  find('#connection').dataset.state = state
  find('#connection').textContent = STATES[state]
}

async function loadCalls() {
  const { data } = await session.get('/calls?limit=100')
  for (const call of data) {
    const blocked = call.compliance?.checks.find((check) => check.effect === 'block')
    calls.learn(call.id, {
      ...call,
      ...(blocked ? { refused_by: `${blocked.rule.replaceAll('_', ' ')}: ${blocked.detail}` } : {}),
    })
  }
}

function onEvent(event) {
  calls.learnFromEvent(event)
  decisions.tell(event)
  if (event.type === 'ledger.posted' || event.type === 'call.ended') balances.loadSoon()
}

async function start() {
  find('#sign-in').hidden = true
  find('#board').hidden = false
  find('#sign-out').hidden = false
  find('#figure-money-name').textContent =
    session.role() === 'seller' ? 'Earned' : session.role() === 'buyer' ? 'Spent' : 'Sold for'
  calls.setNames(balances.nameOf)
  decisions.setNames(balances.nameOf)
  await balances.load().catch(() => undefined)
  feed = openFeed({
    token: session.token,
    onEvent,
    onState(state) {
      showState(state)
      // What happened while nobody listened is read once.
      if (state === 'live') loadCalls().catch((error) => error.status === 401 && stop())
    },
    onSignedOut: stop,
  })
}

function stop() {
  feed?.close()
  feed = null
  session.forget()
  calls.clear()
  decisions.clear()
  find('#board').hidden = true
  find('#sign-out').hidden = true
  find('#sign-in').hidden = false
  find('#login [name=email]').focus()
}

find('#login').addEventListener('submit', async (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  find('#login-error').textContent = ''
  try {
    await session.signIn(form.get('email'), form.get('password'))
    event.target.reset()
    await start()
  } catch (error) {
    find('#login-error').textContent = error instanceof TypeError ? 'The exchange cannot be reached.' : error.message
  }
})

find('#sign-out').addEventListener('click', async () => {
  await session.signOut()
  stop()
})

find('#pause').addEventListener('click', ({ target }) => {
  const on = target.getAttribute('aria-pressed') !== 'true'
  target.setAttribute('aria-pressed', String(on))
  target.textContent = on ? 'Go on' : 'Pause'
  calls.pause(on)
})

offerThemes(find('#theme'))

if (session.signedIn() || (await session.signInForDemo().catch(() => false))) await start()
else stop()
