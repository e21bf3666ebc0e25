# frozen_string_literal: true

module Milter
  module Manager
    class Resolver
      # What became of a question.  values: IPAddr for A and AAAA, names for PTR.
      # ttl: seconds for which it is good; 0 is not to be kept.
      Answer = Struct.new(:status, :values, :ttl) do
        def found? = status == :found
        def failure? = status == :failure

        # The answer that a decoded message holds, nil when it is not about this
        # question or the server could not answer it.
        def self.of(message, name, type)
          case message.rcode
          when Resolv::DNS::RCode::NoError, Resolv::DNS::RCode::NXDomain
            values, ttl = collect(message, name, type)
            values.empty? ? new(:none, values, negative_ttl(message)) : new(:found, values, ttl)
          end
        end

        # The records of the name and of the names that it is an alias of.
        def self.collect(message, name, type)
          records = message.answer
          ttls = []
          Answer::MOST_ALIASES.times do
            own = records.select { |owner, _, data| owner == name && data.is_a?(type) }
            unless own.empty?
              return [own.map { |_, _, data| value_of(data) }, (ttls + own.map { |_, ttl, _| ttl }).min]
            end

            _, ttl, data = records.find do |owner, _, record|
              owner == name && record.is_a?(Resolv::DNS::Resource::CNAME)
            end
            break unless data

            ttls << ttl
            name = data.name
          end
          [[], 0]
        end

        # RFC 2308 section 5.
        def self.negative_ttl(message)
          _, ttl, soa = message.authority.find { |_, _, data| data.is_a?(Resolv::DNS::Resource::SOA) }
          soa ? [ttl, soa.minimum].min : 0
        end

        def self.value_of(data)
          data.respond_to?(:address) ? IPAddr.new(data.address.to_s) : data.name.to_s
        end

        private_class_method :collect, :negative_ttl, :value_of
      end

      Answer::MOST_ALIASES = 16
      Answer::FAILURE = Answer.new(:failure, [].freeze, 0).freeze
    end
  end
end
