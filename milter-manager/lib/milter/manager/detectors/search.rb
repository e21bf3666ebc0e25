# frozen_string_literal: true

require "shellwords"

module Milter
  module Manager
    module Detectors
      # The receiver of search.milter in detect_milters: looks for milters of
      # one platform and defines what it finds.  Whatever goes wrong with one
      # is a warning, and the next one goes on.
      class Search
        # The first detector that finds the milter enabled is believed, otherwise
        # the last that finds it at all.
        PLATFORMS = {
          "debian" => [DebianSystemdDetector, DebianInitDetector],
          "redhat" => [RedhatSystemdDetector, UpstartDetector, RedhatInitDetector],
          "freebsd" => [FreebsdDetector],
          "pkgsrc" => [PkgsrcDetector]
        }.freeze
        OPTIONS = %w[root timeout prefix rcddir].freeze

        # What was found when everything could be read: a reload is done by the
        # user whom the program has become, who may read less than root.
        @known = {}
        class << self
          attr_reader :known
        end

        def initialize(configuration, platform)
          @configuration = configuration
          @platform = platform
          @detectors = PLATFORMS.fetch(platform) do
            raise InvalidValue, "detect_milters should be one of #{PLATFORMS.keys.inspect} but was " \
                                "#{platform.inspect}"
          end
          options = configuration.package.options || {}
          check(options)
          @system = System.new(options)
        end

        # script: the name of its start script or unit; conditions: those it gets.
        def milter(script, conditions: [])
          find(script).each { |found| guard(script) { define(found, conditions) } }
        end

        private

        def check(options)
          unknown = options.keys - OPTIONS
          return if unknown.empty?

          raise InvalidValue, "package.options should have keys out of #{OPTIONS.inspect} but has " \
                              "#{unknown.inspect}"
        end

        def find(script)
          doubts = @system.root.doubts.clear
          milters = look_for(script)
          known = Search.known[key = [@platform, @system.options, script]]
          if doubts.empty?
            Search.known[key] = milters
          elsif known
            warn("#{script}: #{doubts.first.join(": ")}: it stays as it was found before; restart the " \
                 "program to have it looked at again")
          end
          doubts.empty? ? milters : known || milters
        end

        def look_for(script)
          last = []
          @detectors.each do |detector|
            milters = guard(script) { detector.new(@system, script).milters } || []
            return milters if milters.any?(&:enabled)

            last = milters unless milters.empty?
          end
          last
        end

        def define(found, conditions)
          @configuration.define_milter(found.name) do |milter|
            milter.enabled = found.enabled
            milter.description = printable(found.description)
            milter.command = found.command
            milter.command_options = found.options && Shellwords.join(found.options)
            assign_spec(milter, found)
            milter.writing_timeout += found.tarpit
            milter.reading_timeout += found.tarpit
            milter.applicable_conditions = defined_conditions(found.name, conditions)
          end
          Native.child_detected(found.name)
          tell(found)
        end

        # For those who wonder where it comes from: info is not logged by default.
        def tell(found)
          Logger.info do
            address = found.spec ? "#{found.spec.text} (#{found.spec.place})" : "no address"
            "detection of milters: #{found.name}: #{found.enabled ? "enabled" : "not enabled"}, #{address}"
          end
        end

        # A milter whose address makes no sense is there, but not used.
        def assign_spec(milter, found)
          Manager.strictly { milter.connection_spec = found.spec&.text }
        rescue InvalidValue => e
          milter.enabled = false
          reason = e.message.delete_prefix("milter.connection_spec: ")
          warn("#{found.name}: #{found.spec.place}: #{reason}: not enabled; set milter.connection_spec " \
               "and milter.enabled")
        end

        def defined_conditions(name, conditions)
          missing = conditions - @configuration.defined_applicable_conditions
          missing.each do |condition|
            warn("#{name}: the condition #{condition.inspect} is not defined: left out")
          end
          conditions - missing
        end

        # Text of any encoding without what would break lines.
        def printable(text)
          text&.then { |bytes| bytes.b.gsub(/[\x00-\x1f\x7f]+/n, " ").strip.force_encoding("UTF-8") }
        end

        def guard(script)
          yield
        rescue StandardError, ScriptError, SystemStackError => e
          place = e.backtrace&.first.to_s[/\A(.+?:\d+)/, 1]
          warn("#{script}: #{PlainWords.message_of(e)} (#{e.class} at #{place}): not looked at any further")
          nil
        end

        def warn(text)
          place = Locations.current.join(":")
          Logger.warning("#{place}: detection of milters: #{text}")
        end
      end
    end
  end
end
