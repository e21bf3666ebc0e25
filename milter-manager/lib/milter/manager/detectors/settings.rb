# frozen_string_literal: true

module Milter
  module Manager
    module Detectors
      # The configuration file of a milter: a line for each setting.  Of two of
      # the same name the last one counts.
      class Settings
        # What a line looks like: key, value.
        SPACED = /\A\s*(?<key>[A-Za-z]\w*)(?:\s+(?<value>.*))?\z/n  # Key Value
        EQUATED = /\A\s*(?<key>[A-Za-z]\w*)\s*=(?<value>.*)\z/n     # Key = Value
        DOTTED = /\A\s*(?<key>[a-z][\w.]*)\s*[:=](?<value>.*)\z/n  # key.word: value

        def initialize(root, file, form)
          @facts = {}
          root.lines(file).each do |line|
            match = form.match(ShellVariables.without_comment(line.text)) or next
            @facts[match[:key].downcase] = Fact.new(match[:value].to_s.strip.delete("\"'"), line.place)
          end
        end

        def key?(key) = @facts.key?(key.downcase)

        # The value if it is not empty.
        def fact(key) = @facts[key.downcase]&.then { |fact| fact.text.empty? ? nil : fact }
      end

      # clamav-milter.conf; "Example" in it means that nobody has looked at it yet.
      class ClamavMilterConf
        def initialize(root, file) = @settings = Settings.new(root, file, Settings::SPACED)
        def spec = @settings.fact("MilterSocket")
        def example? = @settings.key?("Example")
      end

      # opendkim.conf and opendmarc.conf
      class OpenDKIMConf
        def initialize(root, file) = @settings = Settings.new(root, file, Settings::SPACED)
        def spec = @settings.fact("Socket")
      end

      # pyspf-milter.conf
      class PySPFConf
        def initialize(root, file) = @settings = Settings.new(root, file, Settings::EQUATED)
        def spec = @settings.fact("Socket")
      end

      # enma.conf
      class EnmaConf
        def initialize(root, file) = @settings = Settings.new(root, file, Settings::DOTTED)
        def spec = @settings.fact("milter.socket")
      end

      # greylist.conf of milter-greylist
      class MilterGreylistConf
        SECONDS = { nil => 1, "s" => 1, "m" => 60, "h" => 3600, "d" => 86_400, "w" => 604_800 }.freeze

        def initialize(root, file)
          @lines = root.joined_lines(file).reject { |line| line.text.match?(/\A\s*#/n) }
        end

        def spec
          found = @lines.filter_map do |line|
            match = /\A\s*socket\s+"([^"]+)"/n.match(line.text)
            Fact.new(match[1], line.place) if match
          end
          found.last
        end

        # The longest time a client is kept waiting, in seconds.
        def tarpit
          lists = @lines.map(&:text).grep(/\A\s*r?acl\s/n)
          lists.flat_map { |text| text.scan(/\btarpit\s+(\d+)([smhdw])?\b/n) }
               .map { |number, unit| number.to_i * SECONDS[unit] }.max || 0
        end
      end
    end
  end
end
