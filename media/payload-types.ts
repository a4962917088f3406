/** One payload type of an audio stream, named by a=rtpmap or by RFC 3551 §6. */
export interface Codec {
  readonly payload: number
  readonly name: string
  readonly hertz: number
  readonly channels: number
}

const telephony = (payload: number, name: string): Codec => ({ payload, name, hertz: 8000, channels: 1 })

/** The payload types that need no a=rtpmap: RFC 3551 Table 4. */
const STATIC = new Map<number, Codec>(
  [
    telephony(0, 'PCMU'),
    telephony(3, 'GSM'),
    telephony(4, 'G723'),
    telephony(5, 'DVI4'),
    { payload: 6, name: 'DVI4', hertz: 16000, channels: 1 },
    telephony(7, 'LPC'),
    telephony(8, 'PCMA'),
    telephony(9, 'G722'), // It samples at 16 kHz; its RTP clock is 8 kHz by an old mistake (RFC 3551 §4.5.2).
    { payload: 10, name: 'L16', hertz: 44100, channels: 2 },
    { payload: 11, name: 'L16', hertz: 44100, channels: 1 },
    telephony(12, 'QCELP'),
    telephony(13, 'CN'),
    { payload: 14, name: 'MPA', hertz: 90000, channels: 1 },
    telephony(15, 'G728'),
    { payload: 16, name: 'DVI4', hertz: 11025, channels: 1 },
    { payload: 17, name: 'DVI4', hertz: 22050, channels: 1 },
    telephony(18, 'G729'),
  ].map((codec) => [codec.payload, codec]),
)

/** The codec of a payload type without a=rtpmap; null when the number says nothing by itself. */
export function findStaticCodec(payload: number): Codec | null {
  return STATIC.get(payload) ?? null
}

/** Same number and same meaning, so that a packet of one side can be played by the other untouched. Names ignore case (RFC 8866 §6.6). */
export function isSameCodec(a: Codec, b: Codec): boolean {
  return (
    a.payload === b.payload &&
    a.name.toLowerCase() === b.name.toLowerCase() &&
    a.hertz === b.hertz &&
    a.channels === b.channels
  )
}

/** True for what carries speech: a call cannot live on key presses or comfort noise alone. */
export function carriesSpeech(codec: Codec): boolean {
  const name = codec.name.toLowerCase()
  return name !== 'telephone-event' && name !== 'cn' && name !== 'tone' && name !== 'red'
}

/** The clock for jitter, in Hz: 0 for telephone-event, which repeats one timestamp through an event (RFC 4733 §2.2). */
export function jitterClock(codec: Codec): number {
  return codec.name.toLowerCase() === 'telephone-event' ? 0 : codec.hertz
}
