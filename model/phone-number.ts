/** An E.164 number with its plus sign: `+12125550123`. */
export type PhoneNumber = string & { readonly __phoneNumber: true }
