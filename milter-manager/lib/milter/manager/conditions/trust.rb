# frozen_string_literal: true

module Milter
  module Manager
    module Conditions
      # Senders' domains that are trusted.
      class Trust
        DOMAINS = %w[gmail.com hotmail.com msn.com yahoo.co.jp softbank.ne.jp ezweb.ne.jp
                     docomo.ne.jp clear-code.com].freeze

        def initialize
          @domains = Matcher.new("trust: a domain", *DOMAINS)
        end

        def add_envelope_from_domain(matcher)
          @domains.add(matcher.is_a?(String) ? matcher.downcase : matcher)
        end

        def clear = @domains.clear

        # Lines: blank, # comment, /regexp/ (any case) or a domain.
        def load_envelope_from_domains(path)
          TextFile.read(path).each_line.with_index(1) do |line, number|
            line = line.scrub.strip
            next if line.empty? || line.start_with?("#")

            add_envelope_from_domain(parse(line, path, number))
          end
        rescue ConfigurationError => e
          raise e if e.is_a?(InvalidValue)

          raise InvalidValue, "trust.load_envelope_from_domains: #{e.message}"
        end

        def trusted?(from)
          domain = from[/@([^@>]*)>?\z/, 1]
          !domain.nil? && @domains.match?(domain.downcase)
        end

        private

        def parse(line, path, number)
          source = line[%r{\A/(.*)/\z}, 1]
          source ? Regexp.new(source, Regexp::IGNORECASE) : line
        rescue RegexpError => e
          raise InvalidValue, "#{path}:#{number}: #{e.message}"
        end
      end
    end
  end
end
