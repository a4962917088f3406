// The event stream. It says when it is connected, and connects again by itself, waiting longer each time.

const TOPICS = ['bids', 'routing_decisions', 'calls', 'auctions', 'compliance']
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000

/** Calls back with each event, with the state (`live`, `waiting`, `off`), and once signing in again is needed. */
export function openFeed({ token, onEvent, onState, onSignedOut }) {
  let socket = null
  let timer = null
  let wait = FIRST_WAIT_MS
  let closed = false

  async function connect() {
    const bearer = await token().catch(() => undefined)
    if (closed) return
    if (bearer === null) onSignedOut()
    else if (bearer === undefined) again()
    else listen(bearer)
  }

  function listen(bearer) {
    socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/v1/events`)
    // The token goes in the first message: an address may end up in a log, a message does not.
    socket.addEventListener('open', () => socket.send(JSON.stringify({ type: 'auth', token: bearer })))
    socket.addEventListener('message', (message) => receive(JSON.parse(message.data)))
    socket.addEventListener('close', again)
  }

  function receive(message) {
    if (message.type === 'welcome') socket.send(JSON.stringify({ type: 'subscribe', topics: TOPICS }))
    else if (message.type === 'subscribed') {
      wait = FIRST_WAIT_MS
      onState('live')
    } else if (message.payload) onEvent(message)
  }

  function again() {
    if (closed) return
    onState('waiting')
    timer = setTimeout(() => void connect(), wait * (0.75 + Math.random() / 2))
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }

  void connect()
  return {
    close() {
      closed = true
      clearTimeout(timer)
      socket?.close()
      onState('off')
    },
  }
}
