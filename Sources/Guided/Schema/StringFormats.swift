/// The string formats of JSON schema that can be demanded, as regular expressions of the whole string.
enum StringFormats {
  /// The pattern of a format; nil if it is not supported.
  static func pattern(of format: String) -> String? {
    switch format {
    case "date": date
    case "time": time
    case "date-time": date + "[Tt]" + time
    case "duration": duration
    case "uuid": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    case "ipv4": ipv4
    case "ipv6": ipv6
    case "hostname": hostname
    case "email": "[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*@\(hostname)"
    case "uri": uri
    case "json-pointer": "(/([^~/]|~[01])*)*"
    default: nil
    }
  }

  /// Years that exist, months of the right lengths, and 29 February in leap years (RFC 3339, 5.6 and appendix C).
  private static let date =
    "((\(year)-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    + "|02-(0[1-9]|1[0-9]|2[0-8])))|(\(leapYear)-02-29))"

  private static let year = "([0-9]{3}[1-9]|[0-9]{2}[1-9]0|[0-9][1-9]00|[1-9]000)"

  private static let leapYear =
    "([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"

  private static let time =
    "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"

  /// RFC 3339, appendix A.
  private static let duration =
    "P((([0-9]+D|[0-9]+M([0-9]+D)?|[0-9]+Y([0-9]+M([0-9]+D)?)?)(T\(durationTime))?)|T\(durationTime)|[0-9]+W)"

  private static let durationTime = "([0-9]+H([0-9]+M([0-9]+S)?)?|[0-9]+M([0-9]+S)?|[0-9]+S)"

  private static let octet = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"

  private static let ipv4 = "\(octet)(\\.\(octet)){3}"

  /// RFC 4291, 2.2.
  private static let ipv6: String = {
    let group = "[0-9a-fA-F]{1,4}"
    let last = "(\(group):\(group)|\(ipv4))"
    var forms = ["(\(group):){6}\(last)", "::(\(group):){5}\(last)"]
    for before in 1...5 {
      forms.append("((\(group):){0,\(before - 1)}\(group))?::(\(group):){\(5 - before)}\(last)")
    }
    forms.append("((\(group):){0,5}\(group))?::\(group)")
    forms.append("((\(group):){0,6}\(group))?::")
    return forms.joined(separator: "|")
  }()

  /// RFC 1123, 2.1: up to three labels of at most 63 characters, or up to ten of at most 24, so that there are at most 253.
  private static let hostname = "(\(label)(\\.\(label)){0,2}|\(shortLabel)(\\.\(shortLabel)){3,9})"
  private static let shortLabel = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,22}[a-zA-Z0-9])?"

  private static let label = "[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"

  /// RFC 3986, without addresses in brackets and without empty hosts.
  private static let uri: String = {
    let character = "([a-zA-Z0-9._~!$&'()*+,;=:@-]|%[0-9a-fA-F]{2})"
    let host = "([a-zA-Z0-9._~!$&'()*+,;=-]|%[0-9a-fA-F]{2})+"
    let path = "(/\(character)*)*"
    return "[a-zA-Z][a-zA-Z0-9+.-]*:(//(\(host)@)?\(host)(:[0-9]{1,5})?\(path)|/?\(character)+\(path))"
      + "(\\?(\(character)|[/?])*)?(#(\(character)|[/?])*)?"
  }()
}
