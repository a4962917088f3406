// A call's recording: what has become of it, and a button that plays it in its place.

import { getBlob } from './session.js'
import { duration, el, plain } from './words.js'

const PLAYABLE = ['kept', 'interrupted']

/** One recording. It is fetched once somebody wants to hear it, since that is written down. */
export function recordingPart(id, recording) {
  const said = `Recording: ${plain(recording.state)}${recording.duration_ms > 0 ? `, ${duration(recording.duration_ms)}` : ''}`
  if (!PLAYABLE.includes(recording.state)) return el('p', { className: 'quiet' }, said)
  const title = 'The caller left, the buyer right; who listens is written down'
  const button = el('button', { type: 'button', textContent: 'Play', title })
  const place = el('div', { className: 'recording' }, `${said} `, button)
  button.addEventListener('click', async () => {
    button.disabled = true
    try {
      const address = URL.createObjectURL(await getBlob(`/calls/${id}/recording`))
      const player = el('audio', { src: address, controls: true, autoplay: true })
      place.replaceChildren(player, ' ', el('a', { href: address, download: `${id}.wav`, textContent: 'Save' }))
    } catch (error) {
      place.append(el('p', { className: 'quiet', role: 'status' }, error.detail ?? 'It cannot be heard at the moment.'))
      button.disabled = false
    }
  })
  return place
}
