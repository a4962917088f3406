// The SIP of a call: its ladder as a picture, and the same as text and as a capture file.

import { getBlob } from './session.js'
import { el } from './words.js'

/** A button that shows the ladder in its place, once somebody wants to see it. */
export function sipPart(id) {
  const place = el('div', { className: 'sip' })
  const opener = el('button', { type: 'button', textContent: 'SIP', title: 'Show the SIP messages as a ladder' })
  opener.addEventListener('click', async () => {
    opener.disabled = true
    try {
      place.replaceChildren(...(await ladder(id)))
    } catch (error) {
      place.append(el('p', { className: 'quiet', role: 'status' }, error.detail ?? 'It cannot be read at the moment.'))
      opener.disabled = false
    }
  })
  place.append(opener)
  return place
}

async function ladder(id) {
  const picture = await getBlob(`/calls/${id}/sip?format=svg`)
  const address = URL.createObjectURL(picture)
  const image = el('img', { src: address, alt: 'The SIP messages of the call as a ladder' })
  image.addEventListener('load', () => URL.revokeObjectURL(address), { once: true })
  const scroller = el('div', { className: 'ladder', tabIndex: 0 }, image)
  const save = (format, type) => {
    const button = el('button', { type: 'button', textContent: `Save as ${type}` })
    button.addEventListener('click', async () => {
      // Its messages may have made room for newer ones meanwhile.
      await download(id, format, type).catch((error) => (button.textContent = error.detail ?? 'Not saved'))
    })
    return button
  }
  return [scroller, el('p', {}, save('svg', 'svg'), ' ', save('text', 'txt'), ' ', save('pcap', 'pcap'))]
}

async function download(id, format, type) {
  const address = URL.createObjectURL(await getBlob(`/calls/${id}/sip?format=${format}`))
  el('a', { href: address, download: `${id}.${type}` }).click()
  URL.revokeObjectURL(address)
}
