import { systemRandom } from '../../model/random.ts'
import type { OfferedSecurity, Sdp } from '../media-server.ts'
import { readDescription, type Description } from '../sdp-reading.ts'
import { asOffer, SectionWriter, type AudioSection, type FaceKind } from './audio-section.ts'

/** rtpengine offers keys or none: an invitation that may be left alone (RFC 8643) it does not write for us. */
const OFFERED_AS: Record<OfferedSecurity, FaceKind> = {
  none: 'plain',
  'if-it-can': 'plain',
  sdes: 'sdes',
  webrtc: 'webrtc',
}

/** Our side of the dialog with one party. */
export class Face {
  readonly writer = new SectionWriter(Buffer.from(systemRandom.bytes(6)).readUIntBE(0, 6))
  kind: FaceKind
  /** Where its party sends, and with which keys, as rtpengine wrote it last. */
  section: AudioSection | null = null
  /** The lines of its dialog's last answer: the codecs that are agreed with its party. */
  agreed: AudioSection | null = null
  /** What it was offered last, as it will be read in its answer. */
  offered: Description | null = null

  constructor(security: OfferedSecurity = 'none') {
    this.kind = OFFERED_AS[security]
  }

  /** Keeps what rtpengine wrote. A hold by address (c=0.0.0.0) hides ours, which has not changed. */
  written(section: AudioSection): AudioSection {
    const hidden = /^IN IP[46] (?:0\.0\.0\.0|::)$/.test(section.connection)
    this.section = hidden && this.section ? { ...section, connection: this.section.connection } : section
    return this.section
  }

  /** What its party is offered. */
  offer(section: AudioSection): Sdp {
    const text = this.writer.write(asOffer(section))
    this.offered = readDescription(text)
    return text
  }
}
