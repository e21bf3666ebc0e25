# frozen_string_literal: true

module Milter
  module Manager
    class Resolver
      # For the decoder of older versions of Resolv, which follows the pointers of a
      # name that never ends to the end of the message, for each of its records:
      # a second of work for 16 KB.  A name has 255 octets at most (RFC 1035
      # section 2.3.4).
      module Names
        LONGEST = 255

        def get_labels
          @octets = 0
          super
        end

        def get_label
          label = super
          @octets += label.string.bytesize + 1
          raise Resolv::DNS::DecodeError, "a name of more than #{LONGEST} octets" if @octets >= LONGEST

          label
        end

        # Once, when Resolv is there.
        def self.limit = Resolv::DNS::Message::MessageDecoder.prepend(self)
      end
    end
  end
end
