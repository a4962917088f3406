/** A phone's description: PCMU, PCMA and key presses at this port, unless told otherwise. */
export function description(port: number, lines: readonly string[] = [], payloads = '0 8 101'): string {
  return [
    'v=0',
    'o=phone 7 1 IN IP4 127.0.0.1',
    's=-',
    'c=IN IP4 127.0.0.1',
    't=0 0',
    `m=audio ${port} RTP/AVP ${payloads}`,
    'a=rtpmap:101 telephone-event/8000',
    ...lines,
    '',
  ].join('\r\n')
}
