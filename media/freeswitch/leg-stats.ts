import type { MediaStats } from '../../model/cdr.ts'

/**
 * The figures of one channel, out of what `uuid_dump` prints after `uuid_set_media_stats`. Read here and not by fsmrf, which cuts
 * every figure of the audio to a whole number. They are FreeSWITCH's own: packets are those it read, which leaves out the few that it
 * threw away to catch up; lost are its "flaws", the gaps in the numbers and a penalty for one that comes soon after another; it knows
 * no jitter of RFC 3550: what is given is the deviation at its largest variance (ms²). Loss and jitter are upper bounds. What it
 * "skipped" says nothing: every tick of its clock at which nobody spoke.
 */
export function readStats(dump: string): MediaStats {
  const audio = new Map<string, number>()
  for (const [, name, value] of dump.matchAll(/^variable_rtp_audio_(\w+): ([\d.]+)\s*$/gm))
    audio.set(name!, Number(value))
  const figure = (name: string): number => audio.get(name) ?? 0
  return {
    packetsReceived: figure('in_packet_count'),
    packetsLost: figure('in_flaw_total'),
    octetsReceived: figure('in_raw_bytes'),
    jitterMs: Math.sqrt(figure('in_jitter_max_variance')),
  }
}
