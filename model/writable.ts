/** A value while it is made: a property that is not always there is added where it is, as a spread costs more than all else in it. */
export type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
