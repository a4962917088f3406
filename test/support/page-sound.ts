/** The page's `phone`, whatever SIP client it has: what happened to it, the tone it speaks, and its ear. */
export const PAGE_SOUND = `
window.phone = {
  events: [],
  session: null,
  tell(name, detail = '') { this.events.push({ name, detail: String(detail) }) },
  sound() {
    if (this.line) return this.line.stream
    const context = new AudioContext()
    this.line = context.createMediaStreamDestination()
    this.mouth = new GainNode(context, { gain: 0.3 })
    if (this.toneHz > 0) {
      const tone = new OscillatorNode(context, { frequency: this.toneHz })
      tone.connect(this.mouth).connect(this.line)
      tone.start()
    }
    return this.line.stream
  },
  setMute(isMute) {
    this.mouth.gain.value = isMute ? 0 : 0.3
    return performance.timeOrigin + performance.now()
  },
  // Watches from the first question on; says when.
  quietSince(ms) {
    if (this.watched !== ms) {
      this.watched = ms
      this.quiet = null
      clearInterval(this.watching)
      const block = new Float32Array(512)
      this.watching = setInterval(() => {
        this.analyser.getFloatTimeDomainData(block)
        if (Math.hypot(...block) / Math.sqrt(block.length) * 32767 >= 300) return
        this.quiet = performance.timeOrigin + performance.now()
        clearInterval(this.watching)
      }, 5)
    }
    return this.quiet
  },
  listen(connection) {
    connection.addEventListener('connectionstatechange', () => this.tell('connection', connection.connectionState))
    connection.addEventListener('track', ({ track }) => {
      const stream = new MediaStream([track])
      // Without an element that plays it nothing of a remote track comes.
      this.speaker = Object.assign(new Audio(), { srcObject: stream, muted: true })
      this.speaker.play()
      this.ear?.close()
      this.ear = new AudioContext()
      this.analyser = this.ear.createAnalyser()
      this.ear.createMediaStreamSource(stream).connect(this.analyser)
    })
  },
  hears() {
    if (!this.analyser) return [8000, []]
    const heard = new Float32Array(2048)
    this.analyser.getFloatTimeDomainData(heard)
    return [this.ear.sampleRate, Array.from(heard, (sample) => Math.round(sample * 32767))]
  },
}
`
