/** In place of the browser's: describes one stream of plain RTP, agrees to whatever comes. */
export const PLAIN_RTP = `
window.PlainRtp = class extends EventTarget {
  signalingState = 'stable'
  iceGatheringState = 'complete'
  iceConnectionState = 'connected'
  localDescription = null
  remoteDescription = null
  addTrack() {}
  getSenders() { return [] }
  getReceivers() { return [] }
  async getStats() { return new Map() }
  close() { this.signalingState = 'closed' }
  async createOffer() { return { type: 'offer', sdp: this.#sdp() } }
  async createAnswer() { return { type: 'answer', sdp: this.#sdp() } }
  async setLocalDescription(description) {
    this.localDescription = description
    this.#turn(description, 'local')
    setTimeout(() => this.dispatchEvent(new Event('icegatheringstatechange'))) // Whoever restarts ICE waits for it.
  }
  async setRemoteDescription(description) {
    if (!/^m=audio \\d+ RTP\\/AVP /m.test(description.sdp)) throw new Error('not plain RTP: ' + description.sdp)
    this.remoteDescription = description
    this.#turn(description, 'remote')
  }
  #turn({ type }, side) { this.signalingState = type === 'answer' ? 'stable' : 'have-' + side + '-offer' }
  #sdp() {
    return ['v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0', 'm=audio 40000 RTP/AVP 0 8',
      'a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=sendrecv', ''].join('\\r\\n')
  }
}
`
