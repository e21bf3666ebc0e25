# frozen_string_literal: true

module Milter
  module Manager
    # Addresses as other programs write them, and how they are written here.
    module SpecWords
      PROTOCOLS = %w[unix local inet inet6].freeze
      HOST = /[A-Za-z0-9][\w.-]*|\[[\h:.]+\]/.freeze
      PORT = /[1-9]\d{0,4}/.freeze

      module_function

      # " (did you mean SPEC?)", "" when that is not known.
      def hint(item, value)
        return "" unless item == :connection_spec && (value.is_a?(String) || value.is_a?(Integer))

        spec = meant(value.to_s)
        spec ? " (did you mean #{spec}?)" : ""
      end

      def meant(text)
        text = text.delete_prefix("tcp:")
        protocol, rest = text.split(":", 2)
        close = rest && Spelling.closest(protocol, PROTOCOLS)
        return "#{close}:#{rest}" if close && !PROTOCOLS.include?(protocol)

        case text
        when %r{\A/} then "unix:#{text}"
        when /\A#{PORT}\z/ then "inet:#{text}"
        # inet:HOST:PORT of Postfix, HOST:PORT, HOST and PORT the wrong way round
        when /\A(?:inet6?:)?(?!(?:inet6?|unix|local):)(#{HOST})[:@](#{PORT})\z/ then "#{family($1)}:#{$2}@#{address($1)}"
        # an address of the other family
        when /\A(?:inet6?:)?(#{PORT})@\[?(\h*:[\h:.]+)\]?\z/ then "inet6:#{$1}@[#{$2}]"
        end
      end

      def family(host) = host.include?(":") ? "inet6" : "inet"

      # Addresses stand in brackets, names do not.
      def address(host)
        host = host.delete("[]")
        host.include?(":") || host.match?(/\A[\d.]+\z/) ? "[#{host}]" : host
      end
    end
  end
end
