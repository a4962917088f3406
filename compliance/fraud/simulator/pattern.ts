/**
 * What the simulator can mix into clean traffic: the patterns of fraud a pay-per-call exchange meets on calls that come in,
 * one injector each. The names are the field's.
 */
export const PATTERNS = [
  'one_ring',
  'targeted_pumping',
  'fast_pumping',
  'slow_pumping',
  'theft_of_service',
  'robocalling',
  'sim_box',
  'spoofing',
  'sequential_dialling',
  'ani_velocity',
  'rotating_digits',
  'duration_gaming',
  'geo_laundering',
  'mix_shift',
  'dead_air',
  'sip_scanner',
] as const

export type Pattern = (typeof PATTERNS)[number]
