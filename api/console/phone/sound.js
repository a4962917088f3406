// The microphone, the devices, how loud they are, and what rings.

import { microphoneProblem } from './plain-words.js'

let context = null

/** Browsers let a page sound once its user has clicked something: called from there. */
export function audioContext() {
  context ??= new AudioContext()
  if (context.state === 'suspended') void context.resume()
  return context
}

/** The microphone's stream; throws an Error whose message can be shown. `deviceId` '': the browser's choice. */
export async function openMicrophone(deviceId = '') {
  if (!navigator.mediaDevices) throw new Error(microphoneProblem('insecure'))
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true }
  if (deviceId) audio.deviceId = { exact: deviceId }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio })
  } catch (error) {
    throw new Error(microphoneProblem(error), { cause: error })
  }
}

export function closeStream(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop()
}

/** Fills two lists with the microphones and loudspeakers there are; their names are told once the microphone may be used. */
export async function listDevices(microphones, speakers) {
  const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? []
  fill(microphones, 'audioinput', 'Microphone')
  fill(speakers, 'audiooutput', 'Loudspeaker')
  // Firefox and Safari let the system choose the loudspeaker.
  speakers.disabled = !('setSinkId' in HTMLMediaElement.prototype)

  function fill(list, kind, noun) {
    const chosen = list.value
    const found = devices.filter(
      (device) => device.kind === kind && device.deviceId !== '' && device.deviceId !== 'default',
    )
    const options = found.map(({ deviceId, label }, index) => new Option(label || `${noun} ${index + 1}`, deviceId))
    list.replaceChildren(new Option('As the system has it', ''), ...options)
    list.value = found.some(({ deviceId }) => deviceId === chosen) ? chosen : ''
  }
}

/** Shows on a `<meter>` (0 to 100) how loud a stream is, until the returned function is called. */
export function showLevel(stream, meter) {
  const source = audioContext().createMediaStreamSource(stream)
  const analyser = new AnalyserNode(context, { fftSize: 1024 })
  source.connect(analyser)
  const samples = new Float32Array(analyser.fftSize)
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples)
    const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length
    // 60 dB of a voice's range: silence at the left, as loud as it goes at the right.
    meter.value = power === 0 ? 0 : Math.max(0, Math.min(100, 100 + (10 * Math.log10(power) * 100) / 60))
  }, 100)
  return () => {
    clearInterval(timer)
    source.disconnect()
    meter.value = 0
  }
}

/** Rings, two tones on and off, until the returned function is called. `isElsewhere`: the softer tone of a phone that rings elsewhere. */
export function ring(isElsewhere) {
  const audio = audioContext()
  const volume = new GainNode(audio, { gain: 0 })
  volume.connect(audio.destination)
  const tones = [440, 480].map((frequency) => new OscillatorNode(audio, { frequency }))
  for (const tone of tones) {
    tone.connect(volume)
    tone.start()
  }
  const loud = isElsewhere ? 0.04 : 0.12
  const beat = () => {
    volume.gain.setValueAtTime(loud, audio.currentTime)
    volume.gain.setValueAtTime(0, audio.currentTime + (isElsewhere ? 2 : 1))
  }
  beat()
  const timer = setInterval(beat, isElsewhere ? 6000 : 3000)
  return () => {
    clearInterval(timer)
    for (const tone of tones) tone.stop()
    volume.disconnect()
  }
}
