# frozen_string_literal: true

module Milter
  module Manager
    module Conditions
      # Selective SMTP Rejection: is the client's name that of an end user's line?
      class S25R
        WHITE_SUFFIXES = %w[.google.com .obsmtp.com .smtp-out.amazonses.com .slack.com
                            .mg.gitlab.com .sendgrid.net].freeze
        BLACK = [
          "unknown",
          /\A\[.+\]\z/,
          /\A[^.]*\d[^\d.]+\d.*\./,
          /\A[^.]*\d{5}/,
          /\A(?:[^.]+\.)?\d[^.]*\.[^.]+\..+\.[a-z]/i,
          /\A[^.]*\d\.[^.]*\d-\d/,
          /\A[^.]*\d\.[^.]*\d\.[^.]+\..+\./,
          /\A(?:dhcp|dialup|ppp|[achrsvx]?dsl)[^.]*\d/i
        ].freeze

        attr_accessor :only_check_ipv4

        alias check_only_ipv4 only_check_ipv4
        alias check_only_ipv4= only_check_ipv4=

        def initialize
          @only_check_ipv4 = true
          @white = Matcher.new("s25r: a name", ->(host) { host.downcase.end_with?(*WHITE_SUFFIXES) })
          @black = Matcher.new("s25r: a name", *BLACK)
        end

        def add_whitelist(matcher = nil, &block) = @white.add(matcher, &block)
        def add_blacklist(matcher = nil, &block) = @black.add(matcher, &block)

        def white?(host, address)
          (@only_check_ipv4 && !address.ipv4?) || @white.match?(host)
        end

        def black?(host) = @black.match?(host)

        # The child need not see this client.
        def stop?(host, address)
          white?(host, address) || !black?(host)
        end
      end
    end
  end
end
